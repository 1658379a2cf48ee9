/** Answers to a stream of requests. */
import { setMaxListeners } from "node:events";

/** Requests of a stream that are worked on at once; answers keep their order. */
const STREAM_WINDOW = 16;

/**
 * Reads ahead while the oldest answer is not there yet, and sends it as soon as it is: a client may wait for each answer
 * before it sends the next request.
 */
export async function* inOrder<I, O>(
	requests: AsyncIterable<I>,
	answerTo: (request: I) => Promise<O>,
	signal: AbortSignal,
): AsyncGenerator<O> {
	setMaxListeners(2 * STREAM_WINDOW, signal);
	const incoming = requests[Symbol.asyncIterator]();
	const window: Promise<O>[] = [];
	let reading: Promise<IteratorResult<I>> | undefined = incoming.next();
	while (reading || window.length > 0) {
		const oldest = window[0];
		const full = window.length >= STREAM_WINDOW;
		const read: IteratorResult<I> | "answered" = await Promise.race([
			...(reading && !full ? [reading] : []),
			...(oldest ? [oldest.then(() => "answered" as const)] : []),
		]);
		if (read === "answered") yield await window.shift()!;
		else if (read.done) reading = undefined;
		else {
			const answer = answerTo(read.value);
			// A failure is thrown when its turn comes.
			answer.catch(() => {});
			window.push(answer);
			reading = incoming.next();
		}
	}
}
