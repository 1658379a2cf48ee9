/** The service as a process of its own, for tests that kill it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { EntryPoint } from "@dak/shared/runtime";
import { onTestFinished } from "vitest";
import { restClient, testEnvironment } from "./index.js";

export interface SpawnedService {
	readonly process: ChildProcess;
	readonly ready: { readonly service: string; readonly rest: number; readonly grpc: number };
	/** Its exit code; null after a signal. */
	readonly ended: Promise<number | null>;
	readonly client: ReturnType<typeof restClient>;
}

/** Starts it and waits for the line that says where it listens. It goes with the test. `launcher`: a command that starts it in its own place. */
export async function spawnService(
	entry: EntryPoint,
	dataDir: string,
	environment: Record<string, string> = {},
	launcher: readonly string[] = [],
): Promise<SpawnedService> {
	const [program, ...args] = [...launcher, process.execPath, ...entry.execArgv, entry.file];
	const child = spawn(program!, args, {
		env: { ...process.env, ...testEnvironment(dataDir), DAK_LOG_LEVEL: "warn", ...environment },
		stdio: ["ignore", "pipe", "inherit"],
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
	for await (const line of createInterface({ input: child.stdout })) {
		const ready = JSON.parse(line) as SpawnedService["ready"];
		return { process: child, ready, ended, client: restClient(`http://127.0.0.1:${ready.rest}`) };
	}
	throw new Error("the service ended before it was ready");
}
