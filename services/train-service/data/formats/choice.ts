/** Which column or field of a record is its text, or which of them make it up. */
import { DakError } from "@dak/shared/errors";
import { invalidData } from "./errors.js";

export interface TextChoice {
	/** Column or field that holds the text; unset: `text`, or the only one. */
	readonly textColumn?: string | undefined;
	/** A text made of several columns: "{brand} {title}". Takes the place of `textColumn`. */
	readonly textTemplate?: string | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Makes the text of a record; `where` says where it stands, for errors. */
export interface TextOf {
	/** Columns that are read. */
	readonly columns: readonly string[];
	(record: Fields, where: string): string;
}

/** "{name}"; "{{" and "}}" stand for the braces themselves. */
const PLACEHOLDER = /\{\{|\}\}|\{([^{}]+)\}/g;

export function templateColumns(template: string): string[] {
	return [...template.matchAll(PLACEHOLDER)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/** How the text of records with these columns is made. @throws INVALID_DATASET naming the columns that there are */
export function chooseText(columns: readonly string[], choice: TextChoice): TextOf {
	const { textTemplate } = choice;
	if (textTemplate === undefined) {
		const column = chooseColumn(columns, choice.textColumn);
		return Object.assign((record: Fields, where: string) => valueText(record[column], column, where), { columns: [column] });
	}
	const names = templateColumns(textTemplate);
	const missing = names.find((name) => !columns.includes(name));
	if (missing !== undefined) throw wrongChoice("/text_template", missing, listed(columns));
	return Object.assign((record: Fields, where: string) => fillTemplate(textTemplate, record, where), { columns: [...new Set(names)] });
}

function fillTemplate(template: string, record: Fields, where: string): string {
	return template.replace(PLACEHOLDER, (found, name: string | undefined) => {
		if (name === undefined) return found[0]!;
		return Object.hasOwn(record, name) ? valueText(record[name], name, where) : "";
	});
}

/** Text as it is, numbers and truth values as they are written, nothing as an empty text. */
function valueText(value: unknown, column: string, where: string): string {
	if (typeof value === "string") return value;
	if (value === null || value === undefined) return "";
	if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
	throw invalidData(`found ${JSON.stringify(value)?.slice(0, 60)} in ${JSON.stringify(column)} at ${where}; allowed: a string`);
}

/** The column to read: the one asked for, else `text`, else the only one there is. */
function chooseColumn(columns: readonly string[], wanted: string | undefined): string {
	const chosen = wanted ?? (columns.includes("text") ? "text" : columns.length === 1 ? columns[0] : undefined);
	if (chosen === undefined || !columns.includes(chosen)) throw wrongChoice("/text_column", wanted, listed(columns));
	return chosen;
}

const listed = (columns: readonly string[]): string =>
	`the columns ${columns
		.slice(0, 50)
		.map((name) => JSON.stringify(name.slice(0, 80)))
		.join(", ")}`;

export function wrongChoice(pointer: "/text_column" | "/text_template", wanted: string | undefined, found: string): DakError {
	const detail = `found ${wanted === undefined ? "none" : JSON.stringify(wanted)}; the data has ${found}`;
	return new DakError("INVALID_DATASET", `${pointer}: ${detail}`, { fields: [{ pointer, detail }] });
}
