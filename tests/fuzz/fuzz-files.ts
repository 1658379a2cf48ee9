/** Fuzzes one target in a process of its own: counts, and each fault with the seed and the index that repeat it. */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Said, Work } from "./worker.js";

export interface Fault {
	readonly index: number;
	readonly kind: "fault" | "crash" | "hang";
	readonly what: string;
}

export interface Counts {
	readonly target: string;
	readonly seed: number;
	cases: number;
	taken: number;
	refused: number;
	/** The slowest case, milliseconds. */
	slowestMs: number;
	readonly faults: Fault[];
}

export interface FuzzOptions {
	readonly seed: number;
	readonly cases: number;
	/** A case that takes longer hangs. */
	readonly hangMs?: number;
	/** Begins here instead of at 0. */
	readonly from?: number;
}

/** A reader that asks for more than this for an input of some KiB crashes. */
const HEAP_MB = 512;
const NODE = [`--max-old-space-size=${HEAP_MB}`, "--import", "tsx", "--conditions", "@dak/source"];
/** Until the process has loaded its sources. */
const START_MS = 60_000;

/** Runs cases until all are done or the process has ended; returns the index that comes next. */
function runProcess(work: Work, counts: Counts, hangMs: number): Promise<number> {
	return new Promise((resolve) => {
		const worker = fork(fileURLToPath(new URL("./worker.ts", import.meta.url)), [JSON.stringify(work)], {
			execArgv: NODE,
			stdio: ["ignore", "ignore", "pipe", "ipc"],
		});
		let stderr = "";
		worker.stderr!.on("data", (bytes: Buffer) => {
			stderr = (stderr + bytes).slice(-600);
		});
		let current = work.from;
		let began = performance.now();
		let timer: NodeJS.Timeout | undefined;
		const broke = (kind: "crash" | "hang", what: string) => {
			counts.cases++;
			counts.faults.push({ index: current, kind, what });
		};
		const watch = (ms: number) => {
			clearTimeout(timer);
			timer = setTimeout(() => {
				broke("hang", `no end within ${ms} ms`);
				finish(current + 1);
			}, ms);
		};
		const finish = (next: number) => {
			clearTimeout(timer);
			worker.removeAllListeners();
			worker.kill("SIGKILL");
			resolve(next);
		};
		worker.on("message", (said: Said) => {
			if (said.kind === "begins") {
				current = said.index;
				began = performance.now();
				watch(hangMs);
				return;
			}
			counts.cases++;
			counts.slowestMs = Math.max(counts.slowestMs, performance.now() - began);
			if (said.outcome === "fault") counts.faults.push({ index: said.index, kind: "fault", what: said.what ?? "" });
			else counts[said.outcome]++;
			if (said.index + 1 === work.to) finish(work.to);
		});
		worker.on("exit", (code, signal) => {
			broke("crash", `the process ended ${signal ? `by ${signal}` : `with code ${code}`}: ${stderr}`);
			finish(current + 1);
		});
		watch(START_MS);
	});
}

export async function fuzzFiles(target: string, { seed, cases, hangMs = 10_000, from = 0 }: FuzzOptions): Promise<Counts> {
	const counts: Counts = { target, seed, cases: 0, taken: 0, refused: 0, slowestMs: 0, faults: [] };
	const folder = mkdtempSync(join(tmpdir(), "dak-fuzz-"));
	try {
		for (let next = from; next < from + cases; )
			next = await runProcess({ target, folder, seed, from: next, to: from + cases }, counts, hangMs);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
	return { ...counts, slowestMs: Math.round(counts.slowestMs) };
}
