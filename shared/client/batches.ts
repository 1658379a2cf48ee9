/** A long list in pieces: a few under way at once, results in the order of the list. */

export interface Limits {
	/** Most texts in a batch. */
	readonly texts: number;
	/** Most UTF-16 units in a batch; a single longer text goes by itself. */
	readonly characters: number;
}

/** Consecutive texts within the limits. */
export async function* batchesOf(texts: Iterable<string> | AsyncIterable<string>, limits: Limits): AsyncGenerator<string[]> {
	let batch: string[] = [];
	let characters = 0;
	for await (const text of texts) {
		if (batch.length > 0 && (batch.length >= limits.texts || characters + text.length > limits.characters)) {
			yield batch;
			[batch, characters] = [[], 0];
		}
		batch.push(text);
		characters += text.length;
	}
	if (batch.length > 0) yield batch;
}

/** Maps with at most `concurrency` under way, in order. The first failure ends it, and what is under way is aborted. */
export async function* mapInOrder<T, R>(
	values: AsyncIterable<T>,
	concurrency: number,
	outer: AbortSignal | undefined,
	map: (value: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R> {
	const stop = new AbortController();
	const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
	const waiting: Promise<R>[] = [];
	try {
		for await (const value of values) {
			const result = map(value, signal);
			// Whoever waits for it hears of a failure; if the loop is left before, nobody has to.
			result.catch(() => {});
			waiting.push(result);
			if (waiting.length >= concurrency) yield await waiting.shift()!;
		}
		while (waiting.length > 0) yield await waiting.shift()!;
	} finally {
		stop.abort();
	}
}
