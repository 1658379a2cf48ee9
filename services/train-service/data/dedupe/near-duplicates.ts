/**
 * Near-duplicates by MinHash with locality-sensitive hashing. A text is looked up in `BANDS` tables by parts of its signature;
 * what shares a part is compared in full, so nothing counts as a near-duplicate that is none; what is missed, the tests say.
 * Memory: about 100 bytes a text, whatever its length; the texts themselves are asked for when they are compared.
 * @source Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3
 */
import { BandTable } from "./band-table.js";
import { areNearDuplicates, comparable } from "./compare.js";
import { finish, mix } from "./hash.js";
import { MinHash } from "./minhash.js";

/** A pair of similarity s meets in one of them with probability 1 − (1 − s^ROWS)^BANDS: .998 at 0.9. */
const BANDS = 8;
const ROWS = 6;

export interface NearDuplicatesOptions {
	/** Jaccard similarity from which two texts are near-duplicates. */
	readonly threshold: number;
	readonly seed: number;
	/** The text that was added under a number. */
	readonly textOf: (id: number) => string;
}

export class NearDuplicates {
	readonly #minHash: MinHash;
	readonly #tables = Array.from({ length: BANDS }, () => new BandTable());

	constructor(private readonly options: NearDuplicatesOptions) {
		this.#minHash = new MinHash(BANDS * ROWS, options.seed);
	}

	/** Adds a text, unless it is a near-duplicate of an added one: returns that one's number. */
	addNew(id: number, text: string): number | undefined {
		const { keys, matches } = this.#lookUp(text);
		for (const found of matches) return found;
		this.#add(id, keys);
		return undefined;
	}

	/** Adds a text; returns the numbers of all added ones that it is a near-duplicate of. */
	addAll(id: number, text: string): number[] {
		const { keys, matches } = this.#lookUp(text);
		const found = [...matches];
		this.#add(id, keys);
		return found;
	}

	#add(id: number, keys: Uint32Array): void {
		for (const [band, table] of this.#tables.entries()) table.add(keys[band]!, id);
	}

	#lookUp(text: string): { readonly keys: Uint32Array; readonly matches: Iterable<number> } {
		const own = comparable(text);
		const signature = this.#minHash.signature(own.shingles);
		const keys = Uint32Array.from({ length: BANDS }, (_, band) => bandKey(band, own.numbers, signature));
		const { threshold, textOf } = this.options;
		const same = (id: number) => areNearDuplicates(own, comparable(textOf(id)), threshold);
		return { keys, matches: this.#matches(keys, same) };
	}

	*#matches(keys: Uint32Array, same: (id: number) => boolean): Generator<number> {
		const compared = new Set<number>();
		for (let band = 0; band < BANDS; band++) {
			for (const id of this.#tables[band]!.find(keys[band]!)) {
				if (compared.has(id)) continue;
				compared.add(id);
				if (same(id)) yield id;
			}
		}
	}
}

/** The numbers are part of the key: variants of one product, which differ in nothing else, do not meet at all. */
function bandKey(band: number, numbers: number, signature: Uint32Array): number {
	let hash = mix(band, numbers);
	for (let row = 0; row < ROWS; row++) hash = mix(hash, signature[band * ROWS + row]!);
	return finish(hash);
}
