/** Text out of HTML: tags and what they hide taken away, entities told, blocks kept apart. */
import { Parser } from "htmlparser2";

/** Elements whose content is no text. */
const HIDDEN = new Set(["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "select"]);
/** Elements within a line; all others part what is before from what is after. */
const INLINE = new Set(
	"a abbr b bdi bdo cite code data del dfn em font i ins kbd mark q s samp small span strong sub sup time tt u var wbr".split(" "),
);

const NAMES = [
	...INLINE,
	...HIDDEN,
	..."html body p div br hr ul ol li dl dt dd table thead tbody tfoot tr td th h1 h2 h3 h4 h5 h6 section article header footer nav aside main".split(
		" ",
	),
	..."blockquote pre figure figcaption img picture video audio form input button label fieldset details summary address center".split(" "),
].join("|");
const TAG = new RegExp(`<(/?)(${NAMES})(?:\\s[^<>]*)?/?>`, "gi");
/** Elements without an end. */
const ALONE = new Set(["br", "hr", "img", "input"]);
const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/i;

/** Whether a text looks like HTML: a whole element, a line break, a comment. "a < b > c" and "the <div> tag" are none. Linear in the text. */
export function isMarkup(text: string): boolean {
	const first = text.indexOf("<");
	if (first < 0) return false;
	const comment = text.indexOf("<!--");
	if (comment >= 0 && text.includes("-->", comment)) return true;
	const opened = new Set<string>();
	for (const [, slash, name] of text.slice(first).matchAll(TAG)) {
		const element = name!.toLowerCase();
		if (ALONE.has(element) || (slash === "/" && opened.has(element))) return true;
		opened.add(element);
	}
	return false;
}

/** Whether a text has entities: `&amp;` is written by machines. */
export const hasEntities = (text: string): boolean => text.includes("&") && ENTITY.test(text);

/** Elements within each other that no page has: the parser looks through all open ones at each end. */
const DEEPEST = 1000;
/** Characters between two looks at it. */
const PIECE = 10_000;

/** The text that a browser would show, blocks as lines. Never fails: whatever comes is read as a browser would. */
export function textOfHtml(html: string): string {
	const pieces: string[] = [];
	let [open, hidden, deepest] = [0, 0, 0];
	const step = (name: string, by: 1 | -1) => {
		open += by;
		deepest = Math.max(deepest, open);
		if (HIDDEN.has(name)) hidden = Math.max(0, hidden + by);
		if (!INLINE.has(name)) pieces.push("\n");
	};
	const parser = new Parser({
		onopentagname: (name) => step(name, 1),
		onclosetag: (name) => step(name, -1),
		ontext: (text) => {
			if (hidden === 0) pieces.push(text);
		},
	});
	for (let at = 0; at < html.length; at += PIECE) {
		parser.write(html.slice(at, at + PIECE));
		if (deepest > DEEPEST) return html.replace(/<[^<>]*>/g, "\n");
	}
	parser.end();
	return pieces.join("");
}

/** Entities told, everything else as it is. */
export function decodeEntities(text: string): string {
	const pieces: string[] = [];
	// Without its angle brackets nothing in it is a tag.
	const parser = new Parser({ ontext: (piece) => pieces.push(piece) });
	for (const part of text.split(/([<>])/)) {
		if (part === "<" || part === ">") pieces.push(part);
		else if (hasEntities(part)) {
			parser.reset();
			parser.end(part);
		} else pieces.push(part);
	}
	return pieces.join("");
}
