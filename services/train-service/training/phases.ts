/** A training process' phases as spans of the trace that its job was submitted in. */
import type { OpenSpan, Tracing } from "@dak/shared/observability";
import type { ChildMessage, StartMessage } from "./protocol.js";

export class Phases {
	readonly #whole: OpenSpan;
	#phase: OpenSpan | undefined;
	#ended = false;

	constructor(
		private readonly tracing: Tracing,
		{ traceparent, jobId, settings }: StartMessage,
	) {
		const attributes = { job_id: jobId, adapter: settings.adapter_name, base_model: settings.base_model };
		this.#whole = tracing.begin("training process", { parent: traceparent, attributes });
	}

	/** Takes what the process says of itself: a state ends the phase before it. */
	hear(message: ChildMessage): void {
		if (message.type === "state") {
			this.#phase?.end();
			this.#phase = this.#whole.within(() => this.tracing.begin(message.state));
		} else if (message.type === "progress") this.#phase?.set({ step: message.step, loss: message.loss });
		else if (message.type === "done" || message.type === "stopped") this.end();
	}

	end(error?: unknown): void {
		if (this.#ended) return;
		this.#ended = true;
		this.#phase?.end(error);
		this.#whole.end(error);
	}
}
