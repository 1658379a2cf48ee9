/** JSON lines: each a string, or an object with the text in a field. */
import { chooseText, type Fields, type TextChoice, type TextOf } from "./choice.js";
import { invalidData } from "./errors.js";
import type { DatasetFile } from "./format.js";
import { linesOf, type TextLimits } from "./lines.js";

export async function* readJsonl(file: DatasetFile, choice: TextChoice, limits: TextLimits): AsyncGenerator<string> {
	const chosen = new Map<string, TextOf>();
	for await (const { number, text } of linesOf(file, limits)) {
		if (text.trim() === "") continue;
		const record = parsed(text, number);
		if (typeof record === "string") yield record;
		else yield textOf(record, choice, chosen)(record, `line ${number}`);
	}
}

function parsed(text: string, line: number): string | Fields {
	let record: unknown;
	try {
		record = JSON.parse(text);
	} catch {
		throw invalidData(`found no JSON at line ${line}: ${JSON.stringify(text.slice(0, 60))}`);
	}
	if (typeof record === "string") return record;
	if (typeof record === "object" && record !== null && !Array.isArray(record)) return record as Fields;
	throw invalidData(`found ${JSON.stringify(record).slice(0, 60)} at line ${line}; allowed: a string or an object`);
}

/** Records of one file mostly have the same fields: the choice is made once for each set of them. */
function textOf(record: Fields, choice: TextChoice, chosen: Map<string, TextOf>): TextOf {
	const named = choice.textColumn !== undefined || choice.textTemplate !== undefined;
	const fields = Object.keys(record).filter((field) => named || typeof record[field] === "string");
	const key = JSON.stringify(fields);
	let found = chosen.get(key);
	if (!found) {
		found = chooseText(fields, choice);
		// Strangers' records may each have fields of their own.
		if (chosen.size < 100) chosen.set(key, found);
	}
	return found;
}
