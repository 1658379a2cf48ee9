/** Tokens a millisecond of one lane, as a moving average over batches; tells how long waiting will take. */
export class RateMeter {
	/** Before the first batch: a guess on the slow side. */
	#tokensPerMs = 1;
	#measured = false;

	record(tokens: number, ms: number): void {
		if (ms <= 0) return;
		const rate = tokens / ms;
		this.#tokensPerMs = this.#measured ? 0.8 * this.#tokensPerMs + 0.2 * rate : rate;
		this.#measured = true;
	}

	/** Whether a batch has run: before that, nothing is known. */
	get measured(): boolean {
		return this.#measured;
	}

	/** How long `tokens` take. */
	msFor(tokens: number): number {
		return Math.ceil(tokens / this.#tokensPerMs);
	}
}
