/** What train-service's tests share: the real service on free ports, with a training process that only pretends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig } from "@dak/shared/config";
import { createLogger } from "@dak/shared/observability";
import { TrainService } from "@dak/shared/proto";
import { type EntryPoint, entryPoint } from "@dak/shared/runtime";
import { createGrpcClient } from "@dak/shared/server";
import { onTestFinished } from "vitest";
import { createReaders } from "../data/index.js";
import { type JobEstimator, whatWouldFit } from "../estimate/index.js";
import { startTrainService } from "../service/index.js";

export const TEXTS = ["red wool hat", "blue cotton shirt", "green rain coat", "black leather boots"];

/** From the sources a thread takes a second to start. */
const READERS = createReaders();

/** The least that makes a job. */
export const jobWith = (more: Record<string, unknown> = {}) => ({ base_model: "all-MiniLM-L6-v2", dataset: { texts: TEXTS }, ...more });

export const fakeProcess = (): EntryPoint => entryPoint(import.meta.url, "fake-process");

/** Says of every job that it takes 2 MiB a text of its batch, at once: tests that are not about estimates. */
export const quickEstimator: JobEstimator = {
	estimate: async ({ settings, availableBytes }) => {
		const totalBytes = settings.training.batch_size * 2 * 2 ** 20;
		return {
			parts: { process: 0, weights: 0, embeddings: 0, optimizer: 0, activations: totalBytes, logits: 0 },
			totalBytes,
			phase: "training",
			device: "cpu",
			availableBytes,
			fits: totalBytes <= availableBytes,
			whatWouldFit:
				totalBytes <= availableBytes ? [] : whatWouldFit(settings, availableBytes, ({ training }) => training.batch_size * 2 * 2 ** 20),
			steps: 1,
			largestBatchTokens: 1,
			seconds: { low: 1, expected: 1, high: 1 },
			basis: [],
		};
	},
	close: () => {},
};

/** A folder that goes with the test. */
export function scratchFolder(): string {
	const folder = mkdtempSync(join(tmpdir(), "dak-train-"));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

export function testEnvironment(dataDir: string): Record<string, string> {
	return {
		DAK_DATA_DIR: dataDir,
		DAK_MODELS_DIR: process.env.DAK_TEST_MODELS!,
		DAK_TRAIN_PORT: "0",
		DAK_TRAIN_GRPC_PORT: "0",
		DAK_MAX_BODY_BYTES: String(256 * 1024),
		DAK_MAX_UPLOAD_BYTES: String(64 * 1024),
		DAK_MAX_TEXT_BYTES: "4096",
		DAK_LOG_LEVEL: "silent",
	};
}

export type TestService = Awaited<ReturnType<typeof launchService>>;

/** Starts the service and clients of both protocols; all end with the test, or by `stop`. */
export async function startService(
	dataDir = scratchFolder(),
	environment: Record<string, string> = {},
	entry = fakeProcess(),
	estimator: JobEstimator = quickEstimator,
): Promise<TestService> {
	const service = await launchService(dataDir, environment, entry, estimator);
	onTestFinished(service.stop);
	return service;
}

/** The same, for several tests: the caller stops it. */
export async function launchService(
	dataDir: string,
	environment: Record<string, string> = {},
	entry = fakeProcess(),
	estimator: JobEstimator = quickEstimator,
) {
	const config: Config = loadConfig({ ...testEnvironment(dataDir), ...environment });
	const logger = createLogger("test", config.DAK_LOG_LEVEL);
	const service = await startTrainService(config, { entry, estimator, logger, readers: READERS });
	const grpcAddress = `127.0.0.1:${service.grpcPort}`;
	const grpc = createGrpcClient(TrainService, grpcAddress);
	let ended: Promise<void> | undefined;
	const stop = () => {
		grpc.close();
		ended ??= service.close();
		return ended;
	};
	return { config, grpc, grpcAddress, stop, ...restClient(`http://127.0.0.1:${service.restPort}`) };
}

/** All values of an async iterable (Array.fromAsync is not in Node 20). */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const value of values) all.push(value);
	return all;
}

export interface JobJson {
	readonly id: string;
	readonly state: string;
	readonly spec: Record<string, unknown>;
	readonly error?: { readonly reason: string; readonly message: string };
	readonly adapter_path?: string;
	readonly restarts: number;
	readonly progress?: Record<string, number>;
}

export interface SseEvent {
	readonly id: number;
	readonly event: string;
	readonly data: Record<string, unknown>;
}

/** REST as a stranger's client speaks it. */
export function restClient(url: string) {
	const json = async <T>(response: Response) => (await response.json()) as T;
	const submit = (job: unknown, headers: Record<string, string> = {}) =>
		fetch(`${url}/v1/jobs`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(job) });
	const create = async (job: unknown, headers?: Record<string, string>) => {
		const response = await submit(job, headers);
		if (response.status !== 202) throw new Error(await response.text());
		return json<JobJson>(response);
	};
	const get = async (id: string) => json<JobJson>(await fetch(`${url}/v1/jobs/${id}`));
	return {
		url,
		submit,
		create,
		get,
		cancel: (id: string) => fetch(`${url}/v1/jobs/${id}:cancel`, { method: "POST" }),
		/** The job once it is in one of the states. */
		until: async (id: string, ...states: string[]) => {
			const deadline = Date.now() + 50_000;
			for (;;) {
				const job = await get(id);
				if (states.includes(job.state)) return job;
				if (Date.now() > deadline) throw new Error(`job is ${job.state}, waited for ${states.join(" or ")}`);
				await new Promise((resolve) => setTimeout(resolve, 20));
			}
		},
		events: (id: string, after = 0, signal?: AbortSignal) => events(`${url}/v1/jobs/${id}/events`, after, signal),
	};
}

async function* events(url: string, after: number, signal: AbortSignal | undefined): AsyncGenerator<SseEvent> {
	const headers: Record<string, string> = after > 0 ? { "last-event-id": String(after) } : {};
	const response = await fetch(url, { headers, ...(signal && { signal }) });
	let text = "";
	for await (const piece of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
		const blocks = (text + piece).split("\n\n");
		text = blocks.pop()!;
		for (const block of blocks) if (!block.startsWith(":")) yield eventOf(block);
	}
}

function eventOf(block: string): SseEvent {
	const fields = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
	return { id: Number(fields.id), event: fields.event!, data: JSON.parse(fields.data!) };
}
