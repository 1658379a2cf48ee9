/**
 * A job's events over server-sent events, read with fetch: EventSource cannot send a key. Cut off, it goes on after the last
 * event that was seen.
 */
import { ApiFailure, send } from "./http.js";
import { hasEnded } from "./states.js";
import type { JobEventJson } from "./types.js";

const AGAIN_AFTER_MS = [500, 1000, 2000, 5000];

/** Yields events in lots, as they arrive. Returns when the job has ended or the signal aborts. @throws ApiFailure that will not pass */
export async function* jobEvents(id: string, signal: AbortSignal, onCut: (cut: boolean) => void): AsyncGenerator<JobEventJson[]> {
	let last = 0;
	for (let failures = 0; !signal.aborted; failures++) {
		try {
			const answer = await send(`/v1/jobs/${encodeURIComponent(id)}/events`, { signal, headers: { "last-event-id": String(last) } });
			onCut(false);
			for await (const lot of readStream(answer.body!)) {
				failures = 0;
				last = lot.at(-1)!.sequence;
				yield lot;
			}
			if (await ended(id, signal)) return;
		} catch (error) {
			if (signal.aborted) return;
			if (error instanceof ApiFailure && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
			onCut(true);
		}
		await pause(AGAIN_AFTER_MS[Math.min(failures, AGAIN_AFTER_MS.length - 1)]!, signal);
	}
}

/** The stream also ends when the service does; the job goes on then. */
async function ended(id: string, signal: AbortSignal): Promise<boolean> {
	const job = (await (await send(`/v1/jobs/${encodeURIComponent(id)}`, { signal })).json()) as { state: string };
	return hasEnded(job.state);
}

async function* readStream(body: ReadableStream<Uint8Array>): AsyncGenerator<JobEventJson[]> {
	const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
	let rest = "";
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			const blocks = (rest + value).split("\n\n");
			rest = blocks.pop()!;
			const lot = blocks.flatMap(eventIn);
			if (lot.length > 0) yield lot;
		}
	} finally {
		await reader.cancel().catch(() => {});
	}
}

/** The event of a block; none of a comment. */
function eventIn(block: string): JobEventJson[] {
	const data = block.split("\n").find((line) => line.startsWith("data: "));
	return data === undefined ? [] : [JSON.parse(data.slice(6)) as JobEventJson];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms);
		signal.addEventListener("abort", () => {
			clearTimeout(timer);
			resolve();
		});
	});
}
