export interface Ranked {
	readonly text: string;
	readonly value: number;
}

/** Texts by their cosine, highest first. */
export function ranked(texts: readonly string[], values: readonly number[]): Ranked[] {
	return texts.map((text, i) => ({ text, value: values[i]! })).sort((a, b) => b.value - a.value);
}
