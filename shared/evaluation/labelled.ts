/** Labels as rows of vectors. */

/** Labelled queries as rows of a corpus of texts. */
export interface LabelledSet {
	readonly queries: readonly string[];
	readonly corpus: readonly string[];
	readonly relevant: readonly ReadonlySet<number>[];
	/** Row of the corpus that is the query itself and no answer to it: found by every model, it would only take a place. */
	readonly self: readonly (number | undefined)[];
}

export interface LabelledQuery {
	readonly query: string;
	readonly relevant: readonly string[];
}

/** Collects queries and every text that may answer one; equal texts are one row. */
export function labelledSet(queries: readonly LabelledQuery[], corpus: readonly string[]): LabelledSet {
	const rows = new Map<string, number>();
	const row = (text: string) => {
		const known = rows.get(text);
		if (known !== undefined) return known;
		rows.set(text, rows.size);
		return rows.size - 1;
	};
	for (const text of corpus) row(text);
	const relevant = queries.map((query) => new Set(query.relevant.map(row)));
	const self = queries.map(({ query }, i) => {
		const own = rows.get(query);
		return own === undefined || relevant[i]!.has(own) ? undefined : own;
	});
	return { queries: queries.map(({ query }) => query), corpus: [...rows.keys()], relevant, self };
}

/** Texts of categories; each is a query for the others of its own. */
export interface CategorySet {
	readonly texts: readonly string[];
	/** Rows of the texts that are searched for, none of them alone in its category. */
	readonly queries: readonly number[];
	/** For each query the rows of its category, itself included. */
	readonly relevant: readonly ReadonlySet<number>[];
}

/** Equal texts are one row, of the category that they came with first. */
export function categorySet(rows: readonly { readonly text: string; readonly category: string }[]): CategorySet {
	const categoryOf = new Map<string, string>();
	for (const { text, category } of rows) if (!categoryOf.has(text)) categoryOf.set(text, category);
	const members = new Map<string, Set<number>>();
	const own = [...categoryOf.values()].map((category, row) => {
		const set = members.get(category) ?? new Set<number>();
		members.set(category, set.add(row));
		return set;
	});
	const queries = [...own.keys()].filter((row) => own[row]!.size > 1);
	return { texts: [...categoryOf.keys()], queries, relevant: queries.map((row) => own[row]!) };
}

export interface ScoredPair {
	readonly sentence1: string;
	readonly sentence2: string;
	readonly score: number;
}
