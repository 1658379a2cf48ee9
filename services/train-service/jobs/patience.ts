/**
 * What a running job tells may be lost as little as its work: while the store cannot be written (a full disk), its writes wait, in
 * order, and the training goes on. A client's request does not wait: it is refused at once.
 */
import { toDakError } from "@dak/shared/errors";
import type { Logger } from "@dak/shared/observability";

const AGAIN_MS = 1000;

export class Patience {
	#ended: AbortController | undefined;

	constructor(private readonly logger: Pick<Logger, "warn" | "info">) {}

	/** From now on writes wait. Before that, at the service's start, one that fails ends it with its reason. */
	begin(): void {
		this.#ended = new AbortController();
	}

	/** Writes that wait are tried once more. */
	end(): void {
		this.#ended?.abort();
	}

	/** @throws what the write throws, but for STORAGE_FAILED between `begin` and `end` */
	async until<T>(write: () => Promise<T>): Promise<T> {
		for (let tries = 0; ; tries++) {
			try {
				const done = await write();
				if (tries > 0) this.logger.info("the job store can be written again");
				return done;
			} catch (error) {
				const { reason, message } = toDakError(error);
				if (reason !== "STORAGE_FAILED" || !this.#ended || this.#ended.signal.aborted) throw error;
				if (tries === 0) this.logger.warn({ err: error }, `${message}; what running jobs tell waits until it can be written`);
				await this.#pause(this.#ended.signal);
			}
		}
	}

	#pause(ended: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const wake = () => {
				clearTimeout(timer);
				ended.removeEventListener("abort", wake);
				resolve();
			};
			const timer = setTimeout(wake, AGAIN_MS);
			ended.addEventListener("abort", wake);
		});
	}
}
