/** The API's documentation as one HTML page without scripts, made from the OpenAPI document. */
import { createHash } from "node:crypto";
import { groupBy } from "./group-by.js";
import type { OpenApiDocument, Operation } from "./openapi.js";

const STYLE = `:root{color-scheme:light dark;--line:light-dark(#d8dee4,#3a4048);--soft:light-dark(#f6f8fa,#1c2128);--mute:light-dark(#57606a,#9da7b1)}
body{font:16px/1.55 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:.2rem}h2{margin-top:2.5rem;text-transform:capitalize}p.mute,td.mute{color:var(--mute)}
details{border:1px solid var(--line);border-radius:8px;margin:.5rem 0;background:var(--soft)}
summary{cursor:pointer;padding:.6rem .9rem;display:flex;gap:.8rem;align-items:baseline;flex-wrap:wrap}
summary code{font-weight:600}summary span{color:var(--mute)}
details>div{padding:0 .9rem .9rem;border-top:1px solid var(--line)}
b.method{font:600 .78rem ui-monospace,monospace;min-width:4rem;text-align:center;border-radius:5px;padding:.1rem .4rem;color:#fff;background:#57606a}
b.get{background:#0969da}b.post{background:#1a7f37}b.delete{background:#cf222e}b.put,b.patch{background:#9a6700}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.3rem .6rem .3rem 0;vertical-align:top}
pre{overflow:auto;background:light-dark(#fff,#0d1117);border:1px solid var(--line);border-radius:6px;padding:.7rem;font-size:.84rem}
h4{margin:1rem 0 .3rem}a{color:light-dark(#0969da,#58a6ff)}`;

/** Lets exactly this page's style apply, and nothing else load. */
export const DOCS_CSP = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

function html(text: unknown): string {
	return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function table(rows: readonly (readonly [name: unknown, note: unknown, text: unknown])[]): string {
	const cells = rows.map(
		([name, note, text]) => `<tr><td><code>${html(name)}</code></td><td class="mute">${html(note)}</td><td>${html(text)}</td></tr>`,
	);
	return `<table>${cells.join("")}</table>`;
}

function schemaOf(content: unknown): unknown {
	const [first] = Object.values((content ?? {}) as Record<string, { schema?: unknown }>);
	return first?.schema;
}

function schemaBlock(title: string, content: unknown): string {
	const schema = schemaOf(content);
	const types = Object.keys((content ?? {}) as object).join(", ");
	if (types === "") return "";
	return `<h4>${html(title)} <small>${html(types)}</small></h4>${schema ? `<pre>${html(JSON.stringify(schema, null, 2))}</pre>` : ""}`;
}

function parameterTable(operation: Operation): string {
	if (!operation.parameters) return "";
	const rows = operation.parameters.map((parameter) => {
		const { name, in: where, required, description = "" } = parameter as Record<string, string>;
		return [name, `${where}${required ? ", required" : ""}`, description] as const;
	});
	return `<h4>Parameters</h4>${table(rows)}`;
}

function operationHtml(path: string, method: string, operation: Operation): string {
	const responses = Object.entries(operation.responses);
	const success = responses[0]?.[1];
	return `<details id="${html(operation.operationId)}"><summary><b class="method ${method}">${method.toUpperCase()}</b><code>${html(path)}</code><span>${html(operation.summary)}</span></summary><div>
${operation.description ? `<p>${html(operation.description)}</p>` : ""}${parameterTable(operation)}
${schemaBlock("Request", operation.requestBody?.content)}${schemaBlock("Answer", success?.content)}
<h4>Statuses</h4>${table(responses.map(([status, response]) => [status, "", response.description] as const))}</div></details>`;
}

/** The page. Everything from the document is escaped. */
export function docsPage(document: OpenApiDocument): string {
	const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({
			tag: operation.tags?.[0] ?? "other",
			block: operationHtml(path, method, operation),
		})),
	);
	const sections = [...groupBy(operations, ({ tag }) => tag)].map(
		([tag, group]) => `<h2>${html(tag)}</h2>${group.map(({ block }) => block).join("\n")}`,
	);
	const schemas = Object.entries(document.components.schemas).map(
		([name, schema]) =>
			`<details id="schema-${html(name)}"><summary><code>${html(name)}</code></summary><div><pre>${html(JSON.stringify(schema, null, 2))}</pre></div></details>`,
	);
	const { title, version, description = "" } = document.info;
	return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${html(title)}</title><style>${STYLE}</style></head><body>
<h1>${html(title)}</h1><p class="mute">${html(version)} · <a href="/openapi.json">openapi.json</a> · <a href="/metrics">metrics</a></p><p>${html(description)}</p>
${sections.join("\n")}
<h2>Schemas</h2>${schemas.join("\n")}
</body></html>
`;
}
