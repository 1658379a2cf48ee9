/**
 * Writes the demo's corpus: titles as a house catalogue and two dealers write them (texts.txt), and held-out queries as
 * buyers write them, each with the catalogue's title of the part that is meant (pairs.jsonl). Run it again and the same
 * files come out. A query never is one of the texts.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@dak/shared/nn";
import { FAMILIES, type Family, type Feature, type Spellings } from "./families.js";

const SEED = 20;
const QUERIES = 360;

interface Item {
	readonly family: Family;
	readonly brand: string;
	readonly code: string;
	readonly values: readonly { readonly spellings: Spellings; readonly optional: boolean }[];
}

const random = new Random(SEED);
const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
/** A spelling other than the catalogue's, where there is one. */
const other = (spellings: Spellings): string => (spellings.length > 1 ? spellings[1 + random.below(spellings.length - 1)]! : spellings[0]!);

function makeItem(family: Family): Item {
	const values = family.features
		.filter(({ share = 1 }: Feature) => random.next() < share)
		.map(({ values: all, optional = false }: Feature) => ({ spellings: pick(all), optional }));
	return {
		family,
		brand: pick(family.brands),
		code: `${family.code}${1000 + random.below(9000)}${pick(["", "-A", "-B", "/2", "N", "X"])}`,
		values,
	};
}

/** Parts of a family, each once. */
function makeItems(family: Family): Item[] {
	const items = new Map<string, Item>();
	for (let tries = 0; items.size < family.items && tries < family.items * 50; tries++) {
		const item = makeItem(family);
		const key = item.values.map(({ spellings }) => spellings[0]).join("|");
		if (!items.has(key)) items.set(key, item);
	}
	return [...items.values()];
}

/** The house catalogue: noun first, full features in a fixed order, brand, part number. */
function catalogueTitle({ family, brand, code, values }: Item): string {
	return `${family.nouns[0]} ${values.map(({ spellings }) => spellings[0]).join(", ")} - ${brand} ${code}`;
}

/** A dealer in capitals and abbreviations, as old stock systems print. */
function stockTitle({ family, brand, code, values }: Item): string {
	const features = values.filter(({ optional }) => !optional || random.next() < 0.7).map(({ spellings }) => other(spellings));
	const noun = family.nouns.find((name) => name === name.toUpperCase()) ?? pick(family.nouns);
	const parts = [noun, ...features];
	if (random.next() < 0.5) parts.push(random.next() < 0.5 ? code : brand);
	return parts.join(" ").toUpperCase();
}

/** A web shop: brand in front, its own words, sometimes a pack size. */
function shopTitle({ family, brand, values }: Item): string {
	const features = values
		.filter(({ optional }) => !optional || random.next() < 0.8)
		.map(({ spellings }) => (random.next() < 0.3 ? spellings[0]! : other(spellings)));
	const pack = random.next() < 0.25 ? pick([" (pack of 10)", ", 1 pc", " – box 100", ", each", " 5 pcs"]) : "";
	return `${random.next() < 0.7 ? `${brand} ` : ""}${other(family.nouns)} ${random.shuffle(features).join(pick([" ", ", ", " / "]))}${pack}`;
}

/** A buyer who types what is on the old part, or on the drawing. */
function buyerQuery({ family, brand, values }: Item): string {
	const features = values
		.filter(({ optional }) => !optional || random.next() < 0.5)
		.map(({ spellings }) => (random.next() < 0.15 ? spellings[0]! : other(spellings)));
	const noun = random.next() < 0.85 ? other(family.nouns) : family.nouns[0]!;
	const words = random.next() < 0.75 ? [noun, ...features] : [...features, noun];
	const text = `${words.join(" ")}${random.next() < 0.2 ? ` ${brand}` : ""}`.toLowerCase();
	return random.next() < 0.12 ? slip(text) : text;
}

/** A letter lost in typing. */
function slip(text: string): string {
	const at = 1 + random.below(Math.max(1, text.length - 2));
	return /[a-z]/.test(text[at]!) ? text.slice(0, at) + text.slice(at + 1) : text;
}

const items = FAMILIES.flatMap(makeItems);
const catalogue = items.map(catalogueTitle);
const texts = new Set<string>();
items.forEach((item, i) => {
	texts.add(catalogue[i]!);
	texts.add(stockTitle(item));
	if (random.next() < 0.7) texts.add(shopTitle(item));
});
const asked = random.shuffle(items.map((_, i) => i)).slice(0, QUERIES);
const pairs = asked.map((i) => ({ query: buyerQuery(items[i]!), relevant: [catalogue[i]!] })).filter(({ query }) => !texts.has(query));
const folder = process.argv[2] ?? import.meta.dirname;
writeFileSync(join(folder, "texts.txt"), `${random.shuffle([...texts]).join("\n")}\n`);
writeFileSync(join(folder, "pairs.jsonl"), `${pairs.map((pair) => JSON.stringify(pair)).join("\n")}\n`);
console.log(`${texts.size} texts, ${pairs.length} pairs, a catalogue of ${catalogue.length} parts`);
