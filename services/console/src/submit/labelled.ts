/** Labelled queries from a file: `{"query": "…", "relevant": ["…"]}` a line, or one `{"queries": […], "corpus": […]}`. */
export interface LabelledQueries {
	readonly queries: readonly { readonly query: string; readonly relevant: readonly string[] }[];
	readonly corpus?: readonly string[];
}

const ALLOWED = 'allowed: {"query": "…", "relevant": ["…"]} a line';

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function pairOf(value: unknown, where: string): LabelledQueries["queries"][number] {
	const { query, relevant } = (value ?? {}) as { query?: unknown; relevant?: unknown };
	const list = typeof relevant === "string" ? [relevant] : relevant;
	if (typeof query !== "string" || !Array.isArray(list) || list.length === 0 || !list.every((text) => typeof text === "string"))
		throw new Error(`${where}: found ${JSON.stringify(value)?.slice(0, 60) ?? "no JSON"}; ${ALLOWED}`);
	return { query, relevant: list };
}

/** @throws Error naming the line, what was found and what is allowed */
export function labelledIn(text: string): LabelledQueries {
	const whole = parsed(text) as { queries?: unknown; corpus?: readonly string[] } | undefined;
	if (Array.isArray(whole?.queries)) {
		const queries = whole.queries.map((value, i) => pairOf(value, `query ${i + 1}`));
		return { queries, ...(Array.isArray(whole.corpus) ? { corpus: whole.corpus } : {}) };
	}
	const queries = text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [pairOf(parsed(line), `line ${i + 1}`)]));
	if (queries.length === 0) throw new Error(`found no line; ${ALLOWED}`);
	return { queries };
}
