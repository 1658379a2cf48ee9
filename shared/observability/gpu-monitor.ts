/** Reads GPU memory and load from nvidia-smi where it is installed; where it is not, does nothing. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GpuMetrics } from "./metrics.js";

const run = promisify(execFile);
const QUERY = ["--query-gpu=memory.used,memory.total,utilization.gpu", "--format=csv,noheader,nounits"];
const MIB = 1024 * 1024;

export interface GpuReading {
	readonly index: number;
	readonly memoryUsedBytes: number;
	readonly memoryTotalBytes: number;
	/** 0 to 1; undefined where the card does not report it. */
	readonly utilization: number | undefined;
}

/** The readings in nvidia-smi's CSV; a GPU that does not report its memory is left out. */
export function parseGpuCsv(csv: string): GpuReading[] {
	const lines = csv.split("\n").filter((line) => line.trim() !== "");
	return lines.flatMap((line, index) => {
		const [used, total, percent] = line.split(",").map(Number);
		if (used === undefined || total === undefined || !Number.isFinite(used + total)) return [];
		const utilization = percent !== undefined && Number.isFinite(percent) ? percent / 100 : undefined;
		return [{ index, memoryUsedBytes: used * MIB, memoryTotalBytes: total * MIB, utilization }];
	});
}

export class GpuMonitor {
	readonly #metrics: GpuMetrics;
	readonly #command: string;
	#timer: NodeJS.Timeout | undefined;
	#readings: readonly GpuReading[] = [];

	constructor(metrics: GpuMetrics, { command = "nvidia-smi" } = {}) {
		this.#metrics = metrics;
		this.#command = command;
	}

	/** The last reading of each GPU; empty where there is none. */
	get readings(): readonly GpuReading[] {
		return this.#readings;
	}

	/** Looks once for a GPU, and polls where there is one. Never throws; the timer keeps no process alive. */
	async start(intervalMs = 5000): Promise<void> {
		await this.#poll();
		if (this.#readings.length === 0) return;
		this.#timer = setInterval(() => void this.#poll(), intervalMs);
		this.#timer.unref();
	}

	stop(): void {
		clearInterval(this.#timer);
	}

	async #poll(): Promise<void> {
		try {
			const { stdout } = await run(this.#command, QUERY, { timeout: 4000 });
			this.#readings = parseGpuCsv(stdout);
		} catch {
			this.#readings = [];
		}
		this.#publish();
	}

	#publish(): void {
		const { gpuMemoryUsedBytes, gpuMemoryTotalBytes, gpuUtilizationRatio } = this.#metrics;
		for (const metric of [gpuMemoryUsedBytes, gpuMemoryTotalBytes, gpuUtilizationRatio]) metric.reset();
		for (const { index, memoryUsedBytes, memoryTotalBytes, utilization } of this.#readings) {
			const gpu = String(index);
			gpuMemoryUsedBytes.set({ gpu }, memoryUsedBytes);
			gpuMemoryTotalBytes.set({ gpu }, memoryTotalBytes);
			if (utilization !== undefined) gpuUtilizationRatio.set({ gpu }, utilization);
		}
	}
}
