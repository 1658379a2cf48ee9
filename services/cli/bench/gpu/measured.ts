/** Runs a program that prints one JSON line, and watches the GPU's memory meanwhile. */
import { spawn } from "node:child_process";
import { createTrainMetrics, GpuMonitor } from "@dak/shared/observability";

export interface MeasuredRun {
	/** What it printed; undefined where it failed. */
	readonly result: Readonly<Record<string, unknown>> | undefined;
	readonly error: string | undefined;
	/** Most memory of any GPU in use during the run, less what was in use before it. MiB; undefined without nvidia-smi. */
	readonly deviceMb: number | undefined;
}

const SAMPLE_MS = 200;

export async function runMeasured(file: string, args: readonly string[], timeoutSeconds: number): Promise<MeasuredRun> {
	const monitor = new GpuMonitor(createTrainMetrics());
	await monitor.start(SAMPLE_MS);
	const before = monitor.readings.map(({ memoryUsedBytes }) => memoryUsedBytes);
	let peak = 0;
	const sampling = setInterval(() => {
		monitor.readings.forEach(({ memoryUsedBytes }, i) => {
			peak = Math.max(peak, memoryUsedBytes - (before[i] ?? 0));
		});
	}, SAMPLE_MS);
	try {
		const { code, stdout, stderr } = await run(file, args, timeoutSeconds);
		const line = stdout.trim().split("\n").at(-1) ?? "";
		const deviceMb = before.length > 0 ? Math.round(peak / 2 ** 20) : undefined;
		if (code === 0 && line.startsWith("{")) return { result: JSON.parse(line), error: undefined, deviceMb };
		const how = code === null ? `killed, perhaps after the ${timeoutSeconds} s that it may take` : `ended with code ${code}`;
		return { result: undefined, error: `${how}: ${lastLines(stderr)}`, deviceMb };
	} finally {
		clearInterval(sampling);
		monitor.stop();
	}
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-8).join("\n");

function run(file: string, args: readonly string[], timeoutSeconds: number) {
	return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
		// A driver that hangs ignores a polite signal.
		const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutSeconds * 1000, killSignal: "SIGKILL" });
		let [stdout, stderr] = ["", ""];
		child.stdout.on("data", (chunk) => {
			stdout += chunk;
		});
		child.stderr.on("data", (chunk) => {
			stderr += chunk;
		});
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, stdout, stderr }));
	});
}
