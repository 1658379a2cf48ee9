/** A job's training process, seen from the service. Whatever it says is checked: it reads strangers' text and weights. */
import { type ChildProcess, fork } from "node:child_process";
import { toDakError } from "@dak/shared/errors";
import type { Logger } from "@dak/shared/observability";
import type { EntryPoint } from "@dak/shared/runtime";
import { z } from "zod";
import type { ChildMessage, ParentMessage, StartMessage } from "../training/index.js";

const number = z.number();
const count = z.number().min(0).max(Number.MAX_SAFE_INTEGER).transform(Math.round);

const childMessage = z.discriminatedUnion("type", [
	z.object({ type: z.literal("state"), state: z.enum(["preparing", "training", "evaluating"]) }),
	z.object({
		type: z.literal("progress"),
		step: count,
		totalSteps: count,
		epoch: number,
		loss: number,
		learningRate: number,
		gradNorm: number,
		stepSeconds: number,
		tokens: count,
		sentences: count,
		tokensPerSecond: number,
		sentencesPerSecond: number,
		memoryBytes: count,
		peakMemoryBytes: count,
		deviceMemoryBytes: count,
		etaSeconds: number,
		backoffs: count,
	}),
	z.object({ type: z.literal("resumed"), step: count, totalSteps: count, epoch: number, loss: number, backoffs: count }),
	z.object({ type: z.literal("log"), level: z.enum(["info", "warn", "error"]), message: z.string().max(10_000) }),
	z.object({ type: z.literal("evaluation"), name: z.string().max(100), values: z.record(z.string(), z.json()) }),
	z.object({ type: z.literal("checkpoint"), step: count, bytes: count, milliseconds: z.number().min(0) }),
	z.object({ type: z.literal("done"), peakMemoryBytes: count }),
	z.object({ type: z.literal("stopped"), step: count }),
	z.object({ type: z.literal("failed"), reason: z.string().max(100), message: z.string().max(10_000) }),
]);

/** How a training process ended. */
export type Outcome =
	| { readonly kind: "done" }
	/** It was asked to stop; how far it had come, its checkpoints say. */
	| { readonly kind: "stopped" }
	/** Something else ended it by a signal. */
	| { readonly kind: "killed"; readonly message: string }
	| { readonly kind: "failed"; readonly reason: string; readonly message: string };

export interface ChildOptions {
	readonly entry: EntryPoint;
	readonly logger: Logger;
	/** Takes one message after the other; what it rejects with ends the process. */
	readonly onMessage: (message: ChildMessage) => void | Promise<void>;
	/** Before the process is killed: after it was asked to stop, and after its last message. */
	readonly graceMs: number;
}

/** Lines of its error output that a crash is explained with. */
const LAST_LINES = 5;
/** What Node prints around an error's message: of use in the log, not in a reason. */
const STACK_LINE = /^\s+at |^Node\.js v|^[\s^{}[\]]*$/;

export class TrainingChild {
	readonly #process: ChildProcess;
	readonly #lastLines: string[] = [];
	#outcome: Outcome | undefined;
	/** Settles when every message so far has been taken. */
	#taken: Promise<void> = Promise.resolve();
	#faulty = false;
	#stopping = false;
	#killTimer: NodeJS.Timeout | undefined;
	/** Resolves when the process has ended and all that it said has been taken. */
	readonly ended: Promise<Outcome>;

	constructor(
		start: StartMessage,
		private readonly options: ChildOptions,
	) {
		const { file, execArgv } = options.entry;
		this.#process = fork(file, [], { execArgv: [...execArgv], serialization: "advanced", stdio: ["ignore", "pipe", "pipe", "ipc"] });
		for (const stream of [this.#process.stdout!, this.#process.stderr!])
			stream.setEncoding("utf8").on("data", (text: string) => this.#output(text));
		this.#process.on("message", (message) => this.#receive(message));
		this.ended = new Promise((resolve) => {
			this.#process.on("error", (error) => {
				this.#outcome ??= { kind: "failed", reason: "TRAINING_FAILED", message: `the training process did not start: ${error.message}` };
				resolve(this.#outcome);
			});
			this.#process.on("close", (code, signal) => {
				clearTimeout(this.#killTimer);
				void this.#taken.then(() => resolve(this.#outcome ?? this.#crash(code, signal)));
			});
		});
		this.#send(start);
	}

	/** Asks the process to keep a checkpoint and stop, and kills it if it does not soon: what it has on the disk outlives that. */
	stop(): void {
		if (this.#stopping) return;
		this.#stopping = true;
		this.#send({ type: "stop" });
		this.#killSoon();
	}

	kill(): void {
		this.#process.kill("SIGKILL");
	}

	#send(message: ParentMessage): void {
		// A process that has just ended cannot be told anything; its end is reported by `close`.
		if (this.#process.connected) this.#process.send(message, () => {});
	}

	#receive(raw: unknown): void {
		// What comes after the last message changes nothing.
		if (this.#outcome) return;
		const parsed = childMessage.safeParse(raw);
		if (!parsed.success) {
			this.#protocolFault("sent a message that is not of the protocol");
			return;
		}
		const message = parsed.data as ChildMessage;
		if (message.type === "done") this.#last({ kind: "done" });
		else if (message.type === "stopped" && this.#stopping) this.#last({ kind: "stopped" });
		else if (message.type === "stopped") this.#protocolFault("stopped without being asked");
		else if (message.type === "failed") this.#last({ kind: "failed", reason: message.reason, message: message.message });
		else this.#handOn(message);
	}

	#handOn(message: ChildMessage): void {
		this.#taken = this.#taken.then(async () => {
			if (this.#faulty) return;
			try {
				await this.options.onMessage(message);
			} catch (error) {
				this.options.logger.error({ err: error }, "a training process' message could not be taken");
				this.#protocolFault(`sent a message that could not be taken: ${toDakError(error).message}`);
			}
		});
	}

	#last(outcome: Outcome): void {
		this.#outcome = outcome;
		this.#killSoon();
	}

	#protocolFault(what: string): void {
		this.#faulty = true;
		this.#outcome = { kind: "failed", reason: "TRAINING_FAILED", message: `the training process ${what}` };
		this.kill();
	}

	#killSoon(): void {
		this.#killTimer ??= setTimeout(() => this.kill(), this.options.graceMs);
	}

	#output(text: string): void {
		for (const line of text.split("\n")) {
			if (line.trim() === "") continue;
			this.options.logger.debug({ line }, "training process");
			if (STACK_LINE.test(line)) continue;
			this.#lastLines.push(line.trim().slice(0, 500));
			if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
		}
	}

	#crash(code: number | null, signal: NodeJS.Signals | null): Outcome {
		if (this.#stopping) return { kind: "stopped" };
		const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
		const hint = signal === "SIGKILL" ? "; the kernel does so when memory runs out: try a smaller training.batch_size or max_length" : "";
		const said = this.#lastLines.length > 0 ? `; it last said: ${this.#lastLines.join(" | ")}` : "";
		const message = `the training process ${how}${hint}${said}`;
		return signal ? { kind: "killed", message } : { kind: "failed", reason: "TRAINING_FAILED", message };
	}
}
