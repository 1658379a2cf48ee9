/**
 * Requests in, batches out: texts of all requests and adapters share batches, as many run at a time as the runner has lanes,
 * and each request is answered once, with its vectors in its own order. The queue is bounded by texts, by tokens, and by the
 * time that a request would wait behind its own flow.
 */
import { DakError, toDakError } from "@dak/shared/errors";
import type { ModelRunner, RunnerInput } from "../engine/index.js";
import { FairQueue, type FlowKey, type WaitingText } from "./queue.js";
import { RateMeter } from "./rate.js";
import { splitBatch } from "./split.js";

export interface SchedulerLimits {
	/** Tokens in one batch; a single longer text runs alone. */
	readonly maxBatchTokens: number;
	readonly maxBatchTexts: number;
	readonly maxQueueTexts: number;
	readonly maxQueueTokens: number;
	/** Longest that a request may be expected to wait for the texts of its own flow before it. */
	readonly maxQueueMs: number;
}

/** Called as work moves on; for metrics. */
export interface SchedulerEvents {
	queueChanged?(texts: number, tokens: number): void;
	batchDone?(batch: { readonly texts: number; readonly tokens: number; readonly inferenceMs: number }): void;
}

export interface SubmitOptions {
	/** Whose texts they are: clients share the machine fairly, and within each its adapters. */
	readonly flow?: FlowKey | undefined;
	/** Aborting takes the request out of the queue. A DakError as its reason becomes the answer. */
	readonly signal?: AbortSignal | undefined;
}

export interface BatchResult {
	/** One vector a text, in the request's order. @shape [D] each */
	readonly vectors: readonly Float32Array[];
	/** From admission until the request's first text was taken into a batch. */
	readonly queueMs: number;
	/** From there until its last text was done. */
	readonly inferenceMs: number;
}

const NO_FLOW: FlowKey = { client: "", adapter: "" };
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 60_000;

/** One admitted request. */
class PendingRequest {
	readonly vectors: Float32Array[];
	readonly admittedAt = performance.now();
	startedAt: number | undefined;
	left: number;
	settled = false;
	readonly answer: Promise<BatchResult>;
	#resolve!: (result: BatchResult) => void;
	#reject!: (error: DakError) => void;
	#cleanUp: () => void = () => {};

	constructor(texts: number) {
		this.left = texts;
		this.vectors = new Array(texts);
		this.answer = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	onAbort(signal: AbortSignal, act: () => void): void {
		signal.addEventListener("abort", act, { once: true });
		this.#cleanUp = () => signal.removeEventListener("abort", act);
	}

	deliver(index: number, vector: Float32Array): void {
		if (this.settled) return;
		if (!vector.every(Number.isFinite)) {
			this.fail(new DakError("RUNTIME_FAILED", `inputs/${index}: the model gave no finite vector`));
			return;
		}
		this.vectors[index] = vector;
		if (--this.left > 0) return;
		this.#settle();
		const started = this.startedAt!;
		this.#resolve({ vectors: this.vectors, queueMs: started - this.admittedAt, inferenceMs: performance.now() - started });
	}

	fail(error: DakError): void {
		if (this.settled) return;
		this.#settle();
		this.#reject(error);
	}

	#settle(): void {
		this.settled = true;
		this.#cleanUp();
	}
}

function overloaded(message: string, waitMs: number): DakError {
	return new DakError("OVERLOADED", message, { retryAfterMs: Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, waitMs)) });
}

function abortError(signal: AbortSignal): DakError {
	if (signal.reason instanceof DakError) return signal.reason;
	return new DakError("CANCELLED", "the client cancelled the request");
}

export class Scheduler {
	readonly #queue = new FairQueue();
	readonly #rate = new RateMeter();
	readonly #open = new Set<PendingRequest>();
	readonly #running = new Set<Promise<void>>();
	#waking = false;
	#draining = false;

	constructor(
		private readonly runner: Pick<ModelRunner, "embed" | "dimension" | "lanes">,
		private readonly limits: SchedulerLimits,
		private readonly events: SchedulerEvents = {},
	) {}

	get queuedTexts(): number {
		return this.#queue.texts;
	}

	get queuedTokens(): number {
		return this.#queue.tokens;
	}

	/**
	 * Embeds a request's texts. @throws OVERLOADED with retryAfterMs, DRAINING, PAYLOAD_TOO_LARGE for a request that no
	 * queue could hold, CANCELLED or the abort's own DakError, RUNTIME_FAILED
	 */
	async submit(texts: readonly RunnerInput[], options: SubmitOptions = {}): Promise<BatchResult> {
		const { signal, flow = NO_FLOW } = options;
		if (signal?.aborted) throw abortError(signal);
		if (texts.length === 0) return { vectors: [], queueMs: 0, inferenceMs: 0 };
		this.#admit(texts, flow);
		const request = new PendingRequest(texts.length);
		this.#open.add(request);
		if (signal) request.onAbort(signal, () => this.#cancel(request, abortError(signal)));
		texts.forEach((input, index) => {
			this.#queue.push({ input, tokens: input.ids.length, index, flow, request, tag: 0 });
		});
		this.#changed();
		this.#wake();
		try {
			return await request.answer;
		} finally {
			this.#open.delete(request);
		}
	}

	/** Takes no new requests, and waits until those admitted are answered. */
	async drain(): Promise<void> {
		this.#draining = true;
		await Promise.allSettled([...this.#open].map((request) => request.answer));
		await Promise.all(this.#running);
	}

	#admit(texts: readonly RunnerInput[], flow: FlowKey): void {
		if (this.#draining) throw new DakError("DRAINING", "the service is shutting down and takes no new requests");
		const { maxQueueTexts, maxQueueTokens, maxQueueMs } = this.limits;
		const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
		if (texts.length > maxQueueTexts || tokens > maxQueueTokens) {
			const message = `found ${texts.length} texts with ${tokens} tokens; a request may have ${maxQueueTexts} texts and ${maxQueueTokens} tokens`;
			throw new DakError("PAYLOAD_TOO_LARGE", message);
		}
		const [allTexts, allTokens] = [this.#queue.texts + texts.length, this.#queue.tokens + tokens];
		if (allTexts > maxQueueTexts || allTokens > maxQueueTokens) {
			const message = `the queue holds ${this.#queue.texts} texts with ${this.#queue.tokens} tokens; ${maxQueueTexts} texts and ${maxQueueTokens} tokens are allowed, and this request brings ${texts.length} and ${tokens}`;
			throw overloaded(message, this.#msFor(this.#queue.tokens));
		}
		const waitMs = this.#rate.measured ? this.#msFor(this.#queue.tokensAhead(flow)) : 0;
		if (waitMs <= maxQueueMs) return;
		const whose = flow.adapter === "" ? "the base" : `adapter ${flow.adapter}`;
		throw overloaded(
			`what this client already has waiting for ${whose} takes about ${waitMs} ms, allowed: ${maxQueueMs} ms`,
			waitMs - maxQueueMs,
		);
	}

	#msFor(tokens: number): number {
		return Math.ceil(this.#rate.msFor(tokens) / this.runner.lanes);
	}

	#cancel(request: PendingRequest, error: DakError): void {
		this.#queue.remove((text) => text.request === request);
		this.#changed();
		request.fail(error);
	}

	/** Batches start on the next turn of the event loop, so that requests which arrive together run together. */
	#wake(): void {
		if (this.#waking) return;
		this.#waking = true;
		setImmediate(() => {
			this.#waking = false;
			this.#fill();
		});
	}

	/** Gives every free lane a part of what is due. */
	#fill(): void {
		const free = this.runner.lanes - this.#running.size;
		if (free <= 0 || this.#queue.texts === 0) return;
		const { maxBatchTokens, maxBatchTexts } = this.limits;
		const due = this.#queue.takeBatch(free * maxBatchTokens, free * maxBatchTexts);
		const now = performance.now();
		for (const { request } of due) (request as PendingRequest).startedAt ??= now;
		this.#changed();
		for (const batch of splitBatch(due, free, maxBatchTokens, maxBatchTexts)) {
			const running = this.#runBatch(batch).finally(() => {
				this.#running.delete(running);
				this.#wake();
			});
			this.#running.add(running);
		}
		// Texts of other lengths may be due for a lane that is still free.
		if (this.#running.size < this.runner.lanes) this.#wake();
	}

	/** Runs a batch; where it fails, its texts are tried alone, so that a bad one fails by itself. */
	async #runBatch(batch: readonly WaitingText[]): Promise<void> {
		try {
			await this.#runOnce(batch);
		} catch (error) {
			if (batch.length === 1) return (batch[0]!.request as PendingRequest).fail(toDakError(error));
			for (const text of batch) {
				if (!(text.request as PendingRequest).settled) await this.#runBatch([text]);
			}
		}
	}

	async #runOnce(batch: readonly WaitingText[]): Promise<void> {
		const start = performance.now();
		const vectors = await this.runner.embed(batch.map(({ input }) => input));
		const inferenceMs = performance.now() - start;
		const tokens = batch.reduce((sum, text) => sum + text.tokens, 0);
		this.#rate.record(tokens, inferenceMs);
		this.events.batchDone?.({ texts: batch.length, tokens, inferenceMs });
		const size = this.runner.dimension;
		batch.forEach((text, i) => {
			(text.request as PendingRequest).deliver(text.index, vectors.subarray(i * size, (i + 1) * size));
		});
	}

	#changed(): void {
		this.events.queueChanged?.(this.#queue.texts, this.#queue.tokens);
	}
}
