/**
 * The demo's corpus: titles as a house catalogue and several dealers write them, and held-out queries as buyers write them,
 * each with the catalogue's titles of all parts that it fits. A query never is one of the texts.
 */
import { Random } from "@dak/shared/nn";
import { DEALERS, dealerTitle } from "./dealers.js";
import { FAMILIES, type Family, type Feature } from "./families.js";
import { catalogueTitle, type Item, oneOf, slip, spell } from "./items.js";

const SEED = 20;
const QUERIES = 360;

interface Pair {
	readonly query: string;
	/** Titles of the catalogue. */
	readonly relevant: readonly string[];
}

function makeItem(random: Random, family: Family): Item {
	const values = family.features
		.filter(({ share = 1 }: Feature) => random.next() < share)
		.map(({ values: all, optional = false }: Feature) => ({ spellings: oneOf(random, all), optional }));
	const code = `${family.code}${1000 + random.below(9000)}${oneOf(random, ["", "-A", "-B", "/2", "N", "X"])}`;
	return { family, brand: oneOf(random, family.brands), code, values };
}

/** Parts of a family, each once. */
function makeItems(random: Random, family: Family): Item[] {
	const items = new Map<string, Item>();
	for (let tries = 0; items.size < family.items && tries < family.items * 50; tries++) {
		const item = makeItem(random, family);
		const key = item.values.map(({ spellings }) => spellings[0]).join("|");
		if (!items.has(key)) items.set(key, item);
	}
	return [...items.values()];
}

/** What a buyer types who has the old part or the drawing at hand, and the parts that it fits. */
function buyerQuery(random: Random, item: Item, all: readonly Item[]): Pair {
	const { family, brand, values } = item;
	const named = values.filter(({ optional }) => !optional || random.next() < 0.6);
	// Sizes are copied from the part; the rest is said in one's own words.
	const words = named.map(({ spellings }, i) => spell(random, spellings, i === 0 ? 0.65 : 0.4));
	const noun = spell(random, family.nouns, 0.2);
	const saysBrand = random.next() < 0.2;
	const parts = random.next() < 0.75 ? [noun, ...words] : [...words, noun];
	const typed = `${parts.join(" ")}${saysBrand ? ` ${brand}` : ""}`;
	const query = random.next() < 0.85 ? typed.toLowerCase() : typed;
	const relevant = all.filter(
		(other) =>
			other.family === family &&
			(!saysBrand || other.brand === brand) &&
			named.every(({ spellings }) => other.values.some((value) => value.spellings === spellings)),
	);
	return { query: random.next() < 0.1 ? slip(random, query) : query, relevant: relevant.map(catalogueTitle) };
}

/** The same corpus each time. */
export function makeCorpus(): { readonly texts: string[]; readonly pairs: Pair[] } {
	const random = new Random(SEED);
	const items = FAMILIES.flatMap((family) => makeItems(random, family));
	const texts = new Set<string>(items.map(catalogueTitle));
	for (const item of items)
		for (const dealer of random.shuffle([...DEALERS]).slice(0, 1 + random.below(2))) texts.add(dealerTitle(dealer, item, random));
	const pairs = random
		.shuffle([...items])
		.slice(0, QUERIES)
		.map((item) => buyerQuery(random, item, items))
		.filter(({ query }) => !texts.has(query));
	return { texts: random.shuffle([...texts]), pairs };
}
