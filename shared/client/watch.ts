/**
 * A job's events over gRPC as one unbroken sequence: where the stream ends before the job does, it is opened again from the
 * first sequence that was not seen, so that nothing is missed and nothing comes twice.
 */
import type { JobEvent } from "../proto/index.js";
import { DakApiError, errorOfGrpc, unreachable } from "./api-error.js";
import { eventJson, isTerminal } from "./events.js";
import type { CallSettings, Settings } from "./options.js";
import { delayBefore, mayRetry, waitFor } from "./retry.js";
import type { JobEventJson, JobStateName } from "./types.js";

export interface WatchOptions extends CallSettings {
	/** First sequence wanted; default 1, the start. */
	readonly fromSequence?: number | undefined;
	/** Hears when the connection is lost, with the error and the wait before the next try. */
	readonly onReconnect?: ((lost: { readonly error: DakApiError; readonly delayMs: number }) => void) | undefined;
}

export interface WatchSource {
	readonly settings: Settings;
	/** The service's stream. */
	open(fromSequence: number, signal: AbortSignal | undefined): AsyncIterable<JobEvent>;
	/** The job's state, asked for where a stream ends. */
	state(): Promise<JobStateName>;
}

/** Seldom enough not to press a service that is starting, often enough to be there when it is. */
const MAX_RECONNECT_MS = 2_000;
/** A stream that stood for so long was connected, whether it had something to say or not. */
const CONNECTED_MS = 60_000;

/** Counts how long a connection has been away. */
class Outage {
	attempt = 0;
	#since: number | undefined;
	#opened = performance.now();

	opening(): void {
		this.#opened = performance.now();
	}

	over(): void {
		[this.attempt, this.#since] = [0, undefined];
	}

	/** Milliseconds since the first of the failures in a row. */
	failed(): number {
		const now = performance.now();
		if (now - this.#opened > CONNECTED_MS) this.over();
		this.#since ??= now;
		this.attempt++;
		return now - this.#since;
	}
}

/** @throws DakApiError if the service refuses, or stays away for longer than maxOutageMs; the signal's reason once it aborts */
export async function* watchEvents(source: WatchSource, options: WatchOptions): AsyncGenerator<JobEventJson> {
	const { signal, onReconnect } = options;
	const { maxOutageMs, retry, trainGrpc } = source.settings;
	const outage = new Outage();
	let next = Math.max(1, options.fromSequence ?? 1);
	/** The last state that was heard ends a job; somebody may have resumed it since. */
	let ended = false;
	/** The job had ended when its stream was last opened: one that then holds nothing more is complete. */
	let complete = false;
	for (;;) {
		signal?.throwIfAborted();
		const first = next;
		let error = unreachable(trainGrpc, "the stream ended before the job did", true);
		outage.opening();
		try {
			for await (const event of source.open(next, signal)) {
				const sequence = Number(event.sequence);
				if (sequence < next) continue;
				next = sequence + 1;
				outage.over();
				const json = eventJson(event);
				if (json?.type === "state") ended = isTerminal(json.to);
				if (json) yield json;
			}
			if (complete && next === first) return;
			// A service that drains ends its streams in good order; so does one that has nothing more to say.
			complete = isTerminal(await source.state());
			if (complete && ended) return;
			if (complete) continue;
		} catch (thrown) {
			error = interpret(thrown, signal, trainGrpc);
			// Of a job that was heard to end nothing more is missing.
			if (ended) return;
		}
		if (outage.failed() > maxOutageMs) throw error;
		const delayMs = delayBefore(outage.attempt, error, { ...retry, maxMs: MAX_RECONNECT_MS });
		onReconnect?.({ error, delayMs });
		await waitFor(delayMs, signal);
	}
}

/** The failure that a new stream may mend. @throws any other; the signal's reason once it aborts */
function interpret(thrown: unknown, signal: AbortSignal | undefined, address: string): DakApiError {
	if (signal?.aborted) throw signal.reason;
	const error = errorOfGrpc(thrown, address);
	if (error instanceof DakApiError && mayRetry(error, true)) return error;
	throw error;
}
