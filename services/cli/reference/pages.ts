/** The pages of docs/reference that are made from the program itself, so that they cannot say something else. */
import { configTable } from "@dak/shared/config";
import { GRPC_CODES, REASONS } from "@dak/shared/errors";
import { EMBED_TABLE, GPU_TABLE, REQUEST_TABLE, TRAIN_TABLE } from "@dak/shared/observability";
import { jobTable } from "./job.js";
import { code, table } from "./markdown.js";

const MADE = "<!-- made by: npm run build && node scripts/reference.mjs -->";

function errors(): string {
	const rows = Object.entries(REASONS).map(([reason, { http, grpc, tei, title }]) => [
		code(reason),
		title,
		String(http),
		`${code(grpc)} (${GRPC_CODES[grpc]})`,
		code(tei),
	]);
	return `# Errors

Every failure has a \`reason\`, which does not change between versions and protocols. Its message says what was found and what is allowed. Where it is worth asking again later the answer says when (\`Retry-After\`).

- **REST** of both services answers with \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, \`instance\`, \`reason\`, \`errors\`, \`request_id\`, and \`details\` where there are further facts.
- **The routes of Text Embeddings Inference** (\`/embed\`, \`/similarity\`, …) answer with its \`error\` and \`error_type\`, **\`/v1/embeddings\`** with OpenAI's \`error\` object.
- **gRPC** has the status code, the reason in \`google.rpc.ErrorInfo\`, wrong fields in \`BadRequest\` and the time to wait in \`RetryInfo\`.

${table(["reason", "title", "HTTP", "gRPC", "TEI `error_type`"], rows)}`;
}

function metrics(): string {
	const rowsOf = (rows: object) =>
		Object.values(rows as Record<string, { kind: string; name: string; help: string; labels: readonly string[] }>).map(
			({ kind, name, help, labels }) => [code(name), kind, labels.map(code).join(", "), help],
		);
	const part = (title: string, rows: object) => `## ${title}\n\n${table(["metric", "kind", "labels", "meaning"], rowsOf(rows))}`;
	return `# Metrics

\`GET /metrics\` of each service, in Prometheus' text format. Node's own (\`process_*\`, \`nodejs_*\`) are there too. A histogram \`x\` is three series: \`x_bucket\`, \`x_sum\`, \`x_count\`.

${part("train-service", TRAIN_TABLE)}

${part("embed-service", EMBED_TABLE)}

${part("Requests, in both", REQUEST_TABLE)}

${part("GPU, in both, where there is one", GPU_TABLE)}`;
}

const configuration = (): string => `# Configuration

Environment variables of both services and of \`dak\`, checked at start: a wrong one is named with what is allowed. An empty one counts as unset. \`npm run -s dak -- config\` prints what is in force, secrets masked.

${configTable()}`;

const job = (): string => `# A job's fields

The body of \`POST /v1/jobs\` and \`POST /v1/estimate\`, \`JobSpec\` of gRPC, and what \`dak train --set field=value\` names. \`base_model\` and \`dataset\` are required. An unknown field is refused; so is one that is part of the contract and not there yet (501, \`NOT_IMPLEMENTED\`).

\`\`\`json
{
  "base_model": "all-MiniLM-L6-v2",
  "dataset": { "path": "titles.txt" },
  "adapter_name": "titles",
  "training": { "max_steps": 200 }
}
\`\`\`

${jobTable()}

\`[]\` marks the fields of a list's elements. Where an objective's field has no default it is chosen by goal and texts ([how](../how-to/choose-an-objective.md)).`;

/** Text of each page by its file's name in docs/reference. */
export function referencePages(): Record<string, string> {
	const pages = { errors, metrics, configuration, job };
	return Object.fromEntries(Object.entries(pages).map(([name, page]) => [`${name}.md`, `${MADE}\n\n${page()}\n`]));
}
