/** HTML that is safe by construction: whatever is put into a template is escaped, unless it came out of one. */

export class Markup {
	constructor(readonly text: string) {}
}

type Part = Markup | string | number | undefined | readonly Part[];

function written(part: Part): string {
	if (part === undefined) return "";
	if (part instanceof Markup) return part.text;
	if (typeof part === "object") return part.map(written).join("");
	return String(part).replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A template of HTML or SVG. Lists are joined; undefined is left out. */
export function markup(strings: TemplateStringsArray, ...parts: Part[]): Markup {
	return new Markup(strings.reduce((text, string, i) => text + string + (i < parts.length ? written(parts[i]) : ""), ""));
}
