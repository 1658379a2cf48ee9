/**
 * The rows of the word embeddings that a job uses, and over which its softmax is. Labels and rows are remapped together, here and
 * nowhere else. Beside all rows there are two kinds, both several times cheaper than a vocabulary that is large:
 * - the corpus' own tokens: a proper softmax over fewer classes, whose loss is not comparable with the full one's;
 * - these and a few of the others drawn by chance, each standing for as many as it was drawn from: an estimate of the full softmax.
 */
import { assert, DakError } from "@dak/shared/errors";
import { Random } from "@dak/shared/random";

/** How tokens are drawn that no text has. */
export interface SampleOptions {
	readonly count: number;
	readonly seed: number;
}

/** Tokens that no text has, of which `sampled` draws this many: docs/decisions/0002 has the measurements. */
export const SAMPLED_TOKENS = 2048;

export class Vocabulary {
	/** Rows of the embedding table, ascending. */
	readonly rows: Int32Array;
	/**
	 * What is added to each row's logit: log(n/m) where a row is one of m drawn from n, so that the sum of the exponentials
	 * estimates that over all rows; else 0. @source Bengio and Senécal 2003, importance sampling of the partition function
	 */
	readonly logitBias: Float32Array;
	readonly #rowOf: Int32Array;

	private constructor(rows: Int32Array, tableRows: number, logitBias = new Float32Array(rows.length)) {
		this.rows = rows;
		this.logitBias = logitBias;
		this.#rowOf = new Int32Array(tableRows).fill(-1);
		rows.forEach((id, row) => {
			this.#rowOf[id] = row;
		});
	}

	/** Every row of the table. */
	static full(tableRows: number): Vocabulary {
		return new Vocabulary(
			Int32Array.from({ length: tableRows }, (_, i) => i),
			tableRows,
		);
	}

	/** The rows that occur in some texts, and `always`. @throws INVALID_MODEL for an id outside the table */
	static of(texts: readonly Int32Array[], tableRows: number, always: readonly number[] = []): Vocabulary {
		return new Vocabulary(rowsWhere(seenIn(texts, tableRows, always), 1), tableRows);
	}

	/** The same, and some of the others by chance; all of them where there are no more. @throws INVALID_MODEL for an id outside the table */
	static sampled(
		texts: readonly Int32Array[],
		tableRows: number,
		{ count, seed }: SampleOptions,
		always: readonly number[] = [],
	): Vocabulary {
		const seen = seenIn(texts, tableRows, always);
		const others = rowsWhere(seen, 0);
		if (others.length <= count) return Vocabulary.full(tableRows);
		const DRAWN = 2;
		for (const row of drawn(others, count, seed)) seen[row] = DRAWN;
		const rows = rowsWhere(seen, 1, DRAWN);
		const standsFor = Math.log(others.length / count);
		const bias = Float32Array.from(rows, (row) => (seen[row] === DRAWN ? standsFor : 0));
		return new Vocabulary(rows, tableRows, bias);
	}

	/** Whether it is every row of the table. */
	get whole(): boolean {
		return this.rows.length === this.#rowOf.length;
	}

	get size(): number {
		return this.rows.length;
	}

	/**
	 * Ids as rows of this vocabulary. Noise can make tokens that no clean text has: those become `otherwise`.
	 * @throws (assertion) for an id that is not in it, where there is no `otherwise`
	 */
	remap(ids: Int32Array, otherwise?: number): Int32Array {
		const fallback = otherwise === undefined ? -1 : this.#rowOf[otherwise]!;
		return ids.map((id) => {
			const row = this.#rowOf[id]! < 0 ? fallback : this.#rowOf[id]!;
			assert(row >= 0, `token ${id} is not in the vocabulary`);
			return row;
		});
	}
}

/** 1 for each row that some text has, or `always`. */
function seenIn(texts: readonly Int32Array[], tableRows: number, always: readonly number[]): Uint8Array {
	const seen = new Uint8Array(tableRows);
	for (const text of [...texts, always]) {
		for (const id of text) {
			if (id >= tableRows) throw new DakError("INVALID_MODEL", `the tokenizer gives id ${id}, the word embeddings have ${tableRows} rows`);
			seen[id] = 1;
		}
	}
	return seen;
}

/** Rows with one of some marks, ascending. */
function rowsWhere(marks: Uint8Array, ...wanted: readonly number[]): Int32Array {
	const rows: number[] = [];
	for (let id = 0; id < marks.length; id++) if (wanted.includes(marks[id]!)) rows.push(id);
	return Int32Array.from(rows);
}

/** `count` of some rows, each equally likely (the first steps of a Fisher–Yates shuffle). */
function drawn(rows: Int32Array, count: number, seed: number): Int32Array {
	const random = Random.for(seed, "vocabulary");
	const left = rows.slice();
	for (let i = 0; i < count; i++) {
		const j = i + random.below(left.length - i);
		[left[i], left[j]] = [left[j]!, left[i]!];
	}
	return left.subarray(0, count);
}
