/** Every metric of both services, in one table. Names, units and labels are public: dashboards and alerts stand on them. */
import { collectDefaultMetrics, Registry } from "prom-client";
import { JobStateSchema } from "../proto/index.js";
import { BoundedLabel } from "./bounded-label.js";
import { counter, createMetrics, exponential, gauge, histogram, type MetricsOf } from "./metric-table.js";
import { createRequestMetrics, type RequestMetrics } from "./requests.js";

/** The states of the contract, as the services spell them. */
const JOB_STATES = JobStateSchema.values.flatMap(({ number, localName }) => (number === 0 ? [] : [localName.toLowerCase()]));

/** Set where there is a GPU (see GpuMonitor); `gpu` is its index. */
export const GPU_TABLE = {
	gpuMemoryUsedBytes: gauge("dak_gpu_memory_used_bytes", "GPU memory in use by all processes, bytes", "gpu"),
	gpuMemoryTotalBytes: gauge("dak_gpu_memory_total_bytes", "GPU memory, bytes", "gpu"),
	gpuUtilizationRatio: gauge("dak_gpu_utilization_ratio", "Share of the last second in which the GPU ran a kernel, 0 to 1", "gpu"),
} as const;

export const TRAIN_TABLE = {
	jobs: counter("dak_train_jobs_total", "Jobs that entered a state", "state"),
	steps: counter("dak_train_steps_total", "Optimiser steps done"),
	tokens: counter("dak_train_tokens_total", "Tokens trained on, padding not counted"),
	sentences: counter("dak_train_sentences_total", "Texts trained on"),
	loss: gauge("dak_train_loss", "Loss of the last step; NaN while no job trains"),
	tokensPerSecond: gauge("dak_train_tokens_per_second", "Tokens a second over the last steps; 0 while no job trains"),
	stepSeconds: histogram("dak_train_step_seconds", "Time of an optimiser step, seconds", exponential(0.01, 2, 14)),
	queueDepth: gauge("dak_train_queue_depth", "Jobs waiting to run"),
	checkpointSeconds: histogram(
		"dak_train_checkpoint_seconds",
		"Time that a checkpoint holds training up, seconds",
		exponential(0.001, 2, 14),
	),
	memoryPeakBytes: gauge("dak_train_memory_peak_bytes", "Peak resident memory of the current or last training process, bytes"),
} as const;

export const EMBED_TABLE = {
	requests: counter("dak_embed_requests_total", "Embed and similarity requests by outcome: ok, or the error's reason", "outcome"),
	texts: counter("dak_embed_texts_total", "Texts embedded"),
	tokens: counter("dak_embed_tokens_total", "Tokens embedded, special ones included"),
	requestSeconds: histogram(
		"dak_embed_request_seconds",
		"Time of an embed request from admission to vectors, seconds",
		exponential(0.001, 2, 15),
	),
	queueSeconds: histogram("dak_embed_queue_seconds", "Time that a text waits for its batch, seconds", exponential(0.0005, 2, 15)),
	tokenizeSeconds: histogram("dak_embed_tokenize_seconds", "Time to tokenize a request's texts, seconds", exponential(0.0001, 2, 15)),
	inferenceSeconds: histogram("dak_embed_inference_seconds", "Time of a batch in the model, seconds", exponential(0.001, 2, 14)),
	batchTexts: histogram("dak_embed_batch_texts", "Texts in a batch", exponential(1, 2, 11)),
	batchTokens: histogram("dak_embed_batch_tokens", "Tokens in a batch", exponential(16, 2, 12)),
	queueTexts: gauge("dak_embed_queue_texts", "Texts waiting for a batch"),
	queueTokens: gauge("dak_embed_queue_tokens", "Tokens waiting for a batch"),
	engine: gauge("dak_embed_engine_info", "1, for the device and the arithmetic of the products", "device", "compute"),
	adapterLoaded: gauge("dak_adapter_loaded", "Adapters that are served"),
	adapterMerged: gauge("dak_adapter_merged", "Adapters that are merged into weights of their own"),
	adapterLoads: counter("dak_adapter_loads_total", "Adapter loads by outcome: ok, or the error's reason", "outcome"),
	adapterLoadSeconds: histogram(
		"dak_adapter_load_seconds",
		"Time from an adapter's files to its first servable state, seconds",
		exponential(0.005, 2, 13),
	),
	adapterEvictions: counter("dak_adapter_evictions_total", "Adapters whose weights were dropped to keep the memory budget"),
	adapterRequests: counter(
		"dak_adapter_requests_total",
		'Requests by adapter; "base" is none, "other" all beyond the first ones',
		"adapter",
	),
	adapterTexts: counter("dak_adapter_texts_total", "Texts by adapter", "adapter"),
	adapterTokens: counter("dak_adapter_tokens_total", "Tokens by adapter", "adapter"),
} as const;

interface ServiceMetrics {
	readonly registry: Registry;
	/** Observes every request of both protocols. */
	readonly traffic: RequestMetrics;
}

export type GpuMetrics = MetricsOf<typeof GPU_TABLE>;
export type TrainMetrics = ServiceMetrics & GpuMetrics & MetricsOf<typeof TRAIN_TABLE>;

export interface AdapterUse {
	readonly requests: number;
	readonly texts: number;
	readonly tokens: number;
}

export type EmbedMetrics = ServiceMetrics &
	GpuMetrics &
	MetricsOf<typeof EMBED_TABLE> & {
		/** Counts work of an adapter that is served; undefined is the base. At most `maxAdapterLabels` adapters get their own series. */
		countAdapter(name: string | undefined, use: AdapterUse): void;
		/** Drops an unloaded adapter's series and frees its place. */
		forgetAdapter(name: string): void;
	};

function serviceMetrics(): ServiceMetrics {
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	return { registry, traffic: createRequestMetrics(registry) };
}

/** train-service's metrics in a registry of their own. */
export function createTrainMetrics(): TrainMetrics {
	const service = serviceMetrics();
	const metrics = createMetrics(TRAIN_TABLE, service.registry);
	metrics.loss.set(Number.NaN);
	// A counter that first appears at 1 has no increase for Prometheus, and the first failure would go unseen.
	for (const state of JOB_STATES) metrics.jobs.inc({ state }, 0);
	return { ...service, ...createMetrics(GPU_TABLE, service.registry), ...metrics };
}

/** embed-service's metrics in a registry of their own. */
export function createEmbedMetrics({ maxAdapterLabels = 50 } = {}): EmbedMetrics {
	const service = serviceMetrics();
	const metrics = createMetrics(EMBED_TABLE, service.registry);
	for (const outcome of ["ok", "OVERLOADED", "INTERNAL", "RUNTIME_FAILED"]) metrics.requests.inc({ outcome }, 0);
	for (const outcome of ["ok", "ADAPTER_INCOMPATIBLE", "INTERNAL"]) metrics.adapterLoads.inc({ outcome }, 0);
	const labels = new BoundedLabel(maxAdapterLabels);
	const perAdapter = [metrics.adapterRequests, metrics.adapterTexts, metrics.adapterTokens];
	return {
		...service,
		...createMetrics(GPU_TABLE, service.registry),
		...metrics,
		countAdapter(name, use) {
			const adapter = name === undefined ? "base" : labels.of(name);
			metrics.adapterRequests.inc({ adapter }, use.requests);
			metrics.adapterTexts.inc({ adapter }, use.texts);
			metrics.adapterTokens.inc({ adapter }, use.tokens);
		},
		forgetAdapter(name) {
			if (!labels.release(name)) return;
			for (const metric of perAdapter) metric.remove({ adapter: name });
		},
	};
}
