/**
 * The rows of the word embeddings that a corpus uses. With `vocabulary: corpus` the softmax is over these alone (a proper
 * softmax over fewer classes, several times cheaper; its loss is not comparable with the full one's). Labels and rows are
 * remapped together, here and nowhere else.
 */
import { assert, DakError } from "@dak/shared/errors";

export class Vocabulary {
	/** Rows of the embedding table, ascending. */
	readonly rows: Int32Array;
	readonly #rowOf: Int32Array;

	private constructor(rows: Int32Array, tableRows: number) {
		this.rows = rows;
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
		const seen = new Uint8Array(tableRows);
		for (const text of [...texts, always]) {
			for (const id of text) {
				if (id >= tableRows)
					throw new DakError("INVALID_MODEL", `the tokenizer gives id ${id}, the word embeddings have ${tableRows} rows`);
				seen[id] = 1;
			}
		}
		const rows: number[] = [];
		for (let id = 0; id < tableRows; id++) if (seen[id] === 1) rows.push(id);
		return new Vocabulary(Int32Array.from(rows), tableRows);
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
