/** Services as processes of their own, that a campaign kills and starts again. No test runner is needed. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** As built: they start often. */
const PROGRAMS = {
	train: fileURLToPath(new URL("../../services/train-service/dist/main.js", import.meta.url)),
	embed: fileURLToPath(new URL("../../services/embed-service/dist/main.js", import.meta.url)),
};

export class ServiceProcess {
	#child: ChildProcess | undefined;
	url = "";

	constructor(
		private readonly program: keyof typeof PROGRAMS,
		private readonly environment: Record<string, string>,
	) {}

	get pid(): number {
		return this.#child!.pid!;
	}

	/** Starts it, and waits until it says where it listens. */
	async up(): Promise<void> {
		const child = spawn(process.execPath, [PROGRAMS[this.program]], {
			env: { ...process.env, ...this.environment },
			stdio: ["ignore", "pipe", "inherit"],
		});
		this.#child = child;
		for await (const line of createInterface({ input: child.stdout })) {
			this.url = `http://127.0.0.1:${(JSON.parse(line) as { rest: number }).rest}`;
			return;
		}
		throw new Error(`${this.program} ended before it was ready`);
	}

	/** @returns its exit code; null after a signal */
	async end(signal: NodeJS.Signals): Promise<number | null> {
		const child = this.#child;
		if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
		const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
		child.kill(signal);
		// One that was stopped hears of nothing else.
		if (signal !== "SIGKILL") child.kill("SIGCONT");
		return ended;
	}

	signal(signal: NodeJS.Signals): void {
		this.#child?.kill(signal);
	}
}
