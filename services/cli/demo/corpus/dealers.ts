/**
 * Dealers who list the same parts, each with habits: its own words for a thing, kept to nearly always, its own order, signs
 * and abbreviations. That is what differs between real catalogues, and what a model can learn from them.
 */
import { Random } from "@dak/shared/nn";
import type { Spellings } from "./families.js";
import { type Item, oneOf, slip } from "./items.js";

export interface Dealer {
	readonly name: string;
	/** How a title is put together from what is known of the part. */
	readonly title: (part: Part, random: Random) => string;
	/** Signs of its own, applied to the whole title in order. */
	readonly signs: readonly (readonly [RegExp, string])[];
	/** Share of titles with a slip of the typist's. */
	readonly slips?: number;
}

interface Part {
	readonly noun: string;
	readonly facts: readonly string[];
	readonly brand: string;
	readonly code: string;
}

/** Not in strength classes of bolts, which are names. */
const COMMA_DECIMALS: readonly [RegExp, string] = [/\b(?!8\.8|10\.9)(\d+)\.(\d)/g, "$1,$2"];
const TIGHT_UNITS: readonly [RegExp, string] = [/(\d) (mm|bar|kW|A|kA|W|m)\b/g, "$1$2"];
const LOOSE_UNITS: readonly [RegExp, string] = [/(\d)(mm|bar|kW|kA|VDC|VAC)\b/g, "$1 $2"];

/** What an old stock system has room for, and how it makes room. */
const SHORT_WORDS: readonly (readonly [RegExp, string])[] = [
	[/stainless( steel)?/gi, "SST"],
	[/both sides/gi, "2 SD"],
	[/connection/gi, "CONN"],
	[/thread(ed)?/gi, "THD"],
	[/handle/gi, "HDL"],
	[/diameter|\bdia\b/gi, "DIA"],
	[/straight/gi, "STR"],
	[/without|w\/o/gi, "W/O"],
	[/with|w\//gi, "W/"],
	[/double/gi, "DBL"],
	[/single/gi, "SGL"],
	[/black/gi, "BLK"],
	[/grey/gi, "GRY"],
	[/coated/gi, "CTD"],
	[/length/gi, "LG"],
	[/cable/gi, "CBL"],
];
const STOCK_WIDTH = 44;

export const DEALERS: readonly Dealer[] = [
	{
		name: "stock system of the eighties",
		title: ({ noun, facts, code }, random) =>
			[noun, ...facts, ...(random.next() < 0.4 ? [code] : [])].join(" ").toUpperCase().slice(0, STOCK_WIDTH).trimEnd(),
		signs: [...SHORT_WORDS, TIGHT_UNITS],
	},
	{
		name: "web shop",
		title: ({ noun, facts, brand }, random) =>
			`${brand} ${noun} ${random.shuffle([...facts]).join(", ")}${oneOf(random, ["", "", "", ", pack of 2", ", each", " (1 pc)"])}`,
		signs: [LOOSE_UNITS],
	},
	{
		name: "marketplace reseller",
		title: ({ noun, facts, brand, code }, random) =>
			`${oneOf(random, ["", "", "NEW ", "2 x ", "5 pcs ", "Genuine "])}${brand} ${code} ${noun} ${facts.join(" ")}`,
		signs: [[/"/g, " inch"]],
		slips: 0.06,
	},
	{
		name: "norms first",
		title: ({ noun, facts, brand }, random) => `${[...facts].reverse().join(" ")} ${noun}${random.next() < 0.3 ? ` (${brand})` : ""}`,
		signs: [TIGHT_UNITS, [/ x /g, "x"]],
	},
	{
		name: "continental wholesaler",
		title: ({ noun, facts, brand }, random) =>
			`${noun}, ${facts.join("; ")}${random.next() < 0.5 ? `; Fabr. ${brand}` : ""}${oneOf(random, ["", "", " VE 1", " VE 25", " / Stk."])}`,
		signs: [COMMA_DECIMALS, [/(\d) ?x ?(\d)/g, "$1 × $2"]],
	},
	{
		name: "order lines",
		title: ({ noun, facts, brand }, random) =>
			`${oneOf(random, ["10 off", "qty 4", "1 no.", "25 pcs", "2 ea", "6 pc."])} ${noun} ${facts.join(", ")}${random.next() < 0.25 ? ` ${brand} or equal` : ""}`,
		signs: [[/(\d) ?x ?(\d)/g, "$1*$2"]],
		slips: 0.05,
	},
	{
		name: "trade counter",
		title: ({ noun, facts }) => `${facts[0] ?? ""} ${noun} ${facts.slice(1).join(" ")}`.toLowerCase().trim(),
		signs: [[/"/g, "in"], TIGHT_UNITS],
		slips: 0.04,
	},
];

/** A dealer's own word out of several, the same for each of its titles. */
const ownWord = (dealer: Dealer, spellings: Spellings): string =>
	spellings[Random.for(1, dealer.name, spellings[0]!).below(spellings.length)]!;

/** A part as a dealer lists it. */
export function dealerTitle(dealer: Dealer, { family, brand, code, values }: Item, random: Random): string {
	const word = (spellings: Spellings) => (random.next() < 0.85 ? ownWord(dealer, spellings) : oneOf(random, spellings));
	const facts = values.filter(({ optional }) => !optional || random.next() < 0.7).map(({ spellings }) => word(spellings));
	const signed = dealer.signs.reduce(
		(text, [sign, own]) => text.replace(sign, own),
		dealer.title({ noun: word(family.nouns), facts, brand, code }, random),
	);
	return random.next() < (dealer.slips ?? 0) ? slip(random, signed) : signed;
}
