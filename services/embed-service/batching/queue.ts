/**
 * Waiting texts in the order in which they are due. A flow is one adapter's texts of one client. Each flow has a virtual
 * clock that its own tokens push forward (start-time fair queueing), the faster the more flows its client has: clients share
 * the machine evenly, and so do a client's adapters, so whoever sends much waits behind what is his own and not in front of
 * everybody else's. With one flow the order is first come, first served.
 */
import type { RunnerInput } from "../engine/index.js";

/** Whose texts they are. */
export interface FlowKey {
	readonly client: string;
	readonly adapter: string;
}

export interface WaitingText {
	readonly input: RunnerInput;
	readonly tokens: number;
	/** Place in its request. */
	readonly index: number;
	readonly flow: FlowKey;
	readonly request: object;
	/** When it is due, in the queue's virtual time. */
	tag: number;
}

interface Flow {
	/** Tag of its last text. */
	last: number;
	texts: number;
	tokens: number;
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
	/** Flows that have texts waiting, by client and adapter. */
	readonly #clients = new Map<string, Map<string, Flow>>();
	#clock = 0;
	#tokens = 0;

	get texts(): number {
		return this.#texts.length;
	}

	get tokens(): number {
		return this.#tokens;
	}

	push(text: WaitingText): void {
		const { client, adapter } = text.flow;
		const flows = this.#clients.get(client) ?? new Map<string, Flow>();
		this.#clients.set(client, flows);
		const flow = flows.get(adapter) ?? { last: this.#clock, texts: 0, tokens: 0 };
		flows.set(adapter, flow);
		text.tag = Math.max(flow.last, this.#clock);
		flow.last = text.tag + text.tokens * flows.size;
		flow.texts++;
		flow.tokens += text.tokens;
		this.#texts.splice(this.#placeOf(text.tag), 0, text);
		this.#tokens += text.tokens;
	}

	/** Tokens that go through the queue before all that a flow has waiting now is done, if every other flow goes on sending. */
	tokensAhead({ client, adapter }: FlowKey): number {
		const flows = this.#clients.get(client);
		return Math.min(this.#tokens, (flows?.get(adapter)?.tokens ?? 0) * (flows?.size ?? 0) * this.#clients.size);
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
		const { client, adapter } = text.flow;
		const flows = this.#clients.get(client)!;
		const flow = flows.get(adapter)!;
		flow.tokens -= text.tokens;
		if (--flow.texts > 0) return;
		flows.delete(adapter);
		if (flows.size === 0) this.#clients.delete(client);
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
