/**
 * Waiting texts in the order in which they are due. Each flow (an adapter, or a client) has a virtual clock that its own
 * tokens push forward (start-time fair queueing), so a flow that sends much waits behind its own texts, not in front of
 * everybody else's; with one flow the order is first come, first served.
 */
import type { RunnerInput } from "../engine/index.js";

export interface WaitingText {
	readonly input: RunnerInput;
	readonly tokens: number;
	/** Place in its request. */
	readonly index: number;
	readonly flow: string;
	readonly request: object;
	/** When it is due, in the queue's virtual time. */
	tag: number;
}

interface Flow {
	/** Tag of its last text. */
	last: number;
	waiting: number;
}

/** Lengths that share a batch: attention is padded to the longest text, so twice the length is four times its cost. */
const MAX_LENGTH_RATIO = 2;
/** Below this the attention's share of a batch is too small to matter. */
const SHORT_TOKENS = 32;

function similar(longest: number, shortest: number): boolean {
	return longest <= SHORT_TOKENS || longest <= MAX_LENGTH_RATIO * shortest;
}

export class FairQueue {
	readonly #texts: WaitingText[] = [];
	readonly #flows = new Map<string, Flow>();
	#clock = 0;
	#tokens = 0;

	get texts(): number {
		return this.#texts.length;
	}

	get tokens(): number {
		return this.#tokens;
	}

	push(text: WaitingText): void {
		const flow = this.#flows.get(text.flow) ?? { last: this.#clock, waiting: 0 };
		this.#flows.set(text.flow, flow);
		text.tag = Math.max(flow.last, this.#clock);
		flow.last = text.tag + text.tokens;
		flow.waiting++;
		this.#texts.splice(this.#placeOf(text.tag), 0, text);
		this.#tokens += text.tokens;
	}

	/**
	 * The text that is due first, filled up with later ones of similar length: at most `maxTokens` and `maxTexts`, but
	 * always that first text. Nothing else can delay it, so no length starves another.
	 */
	takeBatch(maxTokens: number, maxTexts: number): WaitingText[] {
		const head = this.#texts[0];
		if (!head) return [];
		this.#clock = Math.max(this.#clock, head.tag);
		const taken = new Set([head]);
		let [tokens, longest, shortest] = [head.tokens, head.tokens, head.tokens];
		for (const text of this.#texts) {
			if (taken.size >= maxTexts || tokens >= maxTokens) break;
			const [long, short] = [Math.max(longest, text.tokens), Math.min(shortest, text.tokens)];
			if (taken.has(text) || tokens + text.tokens > maxTokens || !similar(long, short)) continue;
			taken.add(text);
			tokens += text.tokens;
			[longest, shortest] = [long, short];
		}
		this.remove((text) => taken.has(text));
		return [...taken];
	}

	/** Takes out the texts that `which` chooses. */
	remove(which: (text: WaitingText) => boolean): void {
		let kept = 0;
		for (const text of this.#texts) {
			if (which(text)) this.#forget(text);
			else this.#texts[kept++] = text;
		}
		this.#texts.length = kept;
	}

	#forget(text: WaitingText): void {
		this.#tokens -= text.tokens;
		const flow = this.#flows.get(text.flow)!;
		if (--flow.waiting === 0) this.#flows.delete(text.flow);
	}

	/** After all texts with the same tag or a lower one. */
	#placeOf(tag: number): number {
		let [low, high] = [0, this.#texts.length];
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#texts[middle]!.tag <= tag) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
