/** Asks a process of its own for estimates; it is started when needed and ended when idle. */
import { type ChildProcess, fork } from "node:child_process";
import { DakError, type FieldViolation, type Reason } from "@dak/shared/errors";
import { entryPoint } from "@dak/shared/runtime";
import type { EstimateRequest, JobEstimate } from "./types.js";

export interface EstimatorCall {
	readonly id: number;
	readonly request: EstimateRequest;
}
export interface EstimatorAnswer {
	readonly id: number;
	readonly estimate?: JobEstimate;
	readonly error?: { readonly reason: Reason; readonly message: string; readonly fields: readonly FieldViolation[] };
}

/** Whoever can say what a job takes. */
export interface JobEstimator {
	/** @throws INVALID_MODEL, INVALID_REQUEST …; RUNTIME_FAILED if the process breaks down or takes too long */
	estimate(request: EstimateRequest): Promise<JobEstimate>;
	close(): void;
}

interface Waiting {
	readonly resolve: (estimate: JobEstimate) => void;
	readonly reject: (error: unknown) => void;
}

const IDLE_MS = 20_000;
const PATIENCE_MS = 120_000;

export class ProcessEstimator implements JobEstimator {
	#process: ChildProcess | undefined;
	#idle: NodeJS.Timeout | undefined;
	#next = 0;
	readonly #waiting = new Map<number, Waiting>();

	estimate(request: EstimateRequest): Promise<JobEstimate> {
		clearTimeout(this.#idle);
		const child = this.#started();
		const id = this.#next++;
		const answered = new Promise<JobEstimate>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		const tooLong = setTimeout(() => {
			this.#end(child, new DakError("RUNTIME_FAILED", `the estimate took longer than ${PATIENCE_MS / 1000} seconds`));
		}, PATIENCE_MS);
		child.send({ id, request } satisfies EstimatorCall, (error) => {
			if (error) this.#end(child, error);
		});
		return answered.finally(() => {
			clearTimeout(tooLong);
			this.#rest();
		});
	}

	close(): void {
		clearTimeout(this.#idle);
		if (this.#process) this.#end(this.#process, new DakError("DRAINING", "the service is shutting down"));
	}

	#started(): ChildProcess {
		if (this.#process) return this.#process;
		const { file, execArgv } = entryPoint(import.meta.url, "process");
		const child = fork(file, [], { execArgv: [...execArgv], serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
		this.#process = child;
		child.on("message", (answer: EstimatorAnswer) => this.#answer(answer));
		child.on("error", (error) => this.#end(child, error));
		child.on("exit", (code, signal) => {
			this.#end(child, new DakError("RUNTIME_FAILED", `the estimating process ended ${signal ? `by ${signal}` : `with code ${code}`}`));
		});
		// It must not keep the service alive.
		child.unref();
		child.channel?.unref();
		return child;
	}

	#answer({ id, estimate, error }: EstimatorAnswer): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (estimate) waiting?.resolve(estimate);
		else waiting?.reject(new DakError(error?.reason ?? "INTERNAL", error?.message ?? "no estimate", { fields: error?.fields }));
	}

	/** Gives its memory back once nothing was asked for a while. */
	#rest(): void {
		if (this.#waiting.size > 0) return;
		this.#idle = setTimeout(() => this.#process && this.#end(this.#process, new Error("idle")), IDLE_MS).unref();
	}

	#end(child: ChildProcess, why: unknown): void {
		if (this.#process !== child) return;
		this.#process = undefined;
		child.kill("SIGKILL");
		for (const { reject } of this.#waiting.values()) reject(why);
		this.#waiting.clear();
	}
}
