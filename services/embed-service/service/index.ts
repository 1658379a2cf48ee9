/** The composition root: configuration in, a running service out. */
import { join } from "node:path";
import { type ArtifactStore, openArtifacts, TOOL_VERSION } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import { invalidField } from "@dak/shared/errors";
import { type BaseModel, bringModel, linearLayers, modelSources, openBaseModel } from "@dak/shared/models";
import {
	createEmbedMetrics,
	createLogger,
	createTracing,
	type EmbedMetrics,
	GpuMonitor,
	type Logger,
	type Tracing,
} from "@dak/shared/observability";
import {
	ApiKeys,
	addHealth,
	addReflection,
	createGrpcServer,
	createRestApp,
	drainAll,
	HealthStatus,
	type Running,
	serveGrpc,
	serveRest,
	TlsFiles,
} from "@dak/shared/server";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";
import { AdapterRegistry } from "../adapters/index.js";
import { addEmbedServices, GRPC_SERVICES, restRoutes } from "../api/index.js";
import { cosine, EmbedApplication } from "../application/index.js";
import { Scheduler } from "../batching/index.js";
import { createRunner, type ModelRunner, type RunnerAdapter } from "../engine/index.js";

const MAX_BATCH_TEXTS = 256;
const DRAIN_MS = 10_000;
/** Texts by which two states of an adapter are compared. */
const PROBES = [
	"hexagon head bolt M8x40, stainless steel",
	"Why was my card payment declined at the shop yesterday?",
	"The sum of two integers is computed by the circuit in the time that its depth allows.",
	"ключ",
];

/** Starts the service over its base model. @throws MODEL_NOT_FOUND, INVALID_MODEL, UNAVAILABLE if a port is taken */
export async function startEmbedService(config: Config, options: { readonly logger?: Logger } = {}): Promise<Running> {
	const logger = options.logger ?? createLogger("embed-service", config.DAK_LOG_LEVEL);
	const metrics = createEmbedMetrics();
	const tracing = createTracing("embed-service", config);
	const gpu = new GpuMonitor(metrics);
	await gpu.start();
	const base = withDefaultPrompt(await openBase(config, logger), config.DAK_DEFAULT_PROMPT_NAME);
	const tokenizer = await loadTokenizer(base.folder.path);
	const runner = await createRunner(base, {
		device: config.DAK_DEVICE,
		threads: config.DAK_THREADS,
		compute: config.DAK_COMPUTE,
		preparedDir: join(config.DAK_DATA_DIR, "prepared"),
	});
	base.weights.close();
	logger.info(
		{
			base: base.folder.ref,
			fingerprint: base.fingerprint,
			device: runner.device,
			why: runner.deviceReason,
			compute: runner.compute,
			base_bytes: runner.baseBytes,
		},
		"base model is ready",
	);
	metrics.engine.set({ device: runner.device, compute: runner.compute }, 1);
	const { store } = await openArtifacts(config);
	const registry = createRegistry(config, { store, base, runner, tokenizer, metrics, logger, tracing });
	await registry.start();
	const scheduler = createScheduler(config, runner, metrics);
	const limits = {
		maxClientBatch: config.DAK_MAX_CLIENT_BATCH,
		maxBatchTokens: config.DAK_MAX_BATCH_TOKENS,
		maxQueueTexts: config.DAK_MAX_QUEUE_TEXTS,
		maxTextBytes: config.DAK_MAX_TEXT_BYTES,
	};
	const defaults = { autoTruncate: config.DAK_AUTO_TRUNCATE, servedModelName: config.DAK_SERVED_MODEL_NAME };
	const app = new EmbedApplication({ base, tokenizer, runner, scheduler, registry, metrics, limits, defaults });
	const served = await serveBoth(config, app, { logger, metrics, tracing });
	return {
		restPort: served.restPort,
		grpcPort: served.grpcPort,
		close: async () => {
			await served.drain();
			await scheduler.drain();
			await registry.close();
			await runner.close();
			gpu.stop();
			await tracing.close();
		},
	};
}

/** The base model: on this machine, or brought here. */
async function openBase(config: Config, logger: Logger): Promise<BaseModel> {
	const onProgress = (line: string) => logger.info(line);
	return openBaseModel(await bringModel(config.DAK_BASE_MODEL, { ...modelSources(config), allowPaths: true, onProgress }));
}

/** @throws INVALID_REQUEST for a prompt that the model lacks */
function withDefaultPrompt(base: BaseModel, name: string | undefined): BaseModel {
	if (name === undefined) return base;
	if (Object.hasOwn(base.prompts, name)) return { ...base, defaultPromptName: name };
	const names = Object.keys(base.prompts).join(", ");
	throw invalidField("/DAK_DEFAULT_PROMPT_NAME", `found ${JSON.stringify(name)}, allowed: ${names || "none, this model has no prompts"}`);
}

interface RegistryParts {
	readonly store: ArtifactStore;
	readonly base: BaseModel;
	readonly runner: ModelRunner;
	readonly tokenizer: Tokenizer;
	readonly metrics: EmbedMetrics;
	readonly logger: Logger;
	readonly tracing: Tracing;
}

function createRegistry(config: Config, { store, base, runner, tokenizer, metrics, logger, tracing }: RegistryParts): AdapterRegistry {
	const texts = (adapter: RunnerAdapter, all: readonly string[]) =>
		runner.embed(all.map((text) => ({ ids: tokenizer.encode(text, { maxLength: base.maxSeqLength }), adapter })));
	const layers = new Map(linearLayers(base.encoder).map((layer) => [layer.path, layer]));
	return new AdapterRegistry({
		runner,
		store,
		base: { fingerprint: base.fingerprint, layers },
		verify: async (adapter: RunnerAdapter, canaries) => {
			const vectors = await texts(
				adapter,
				canaries.map(({ text }) => text),
			);
			return largestGap(vectors, Float32Array.from(canaries.flatMap(({ embedding }) => embedding)), runner.dimension);
		},
		gap: async (a, b) => largestGap(await texts(a, PROBES), await texts(b, PROBES), runner.dimension),
		metrics,
		logger,
		tracing,
		maxRank: config.DAK_MAX_LORA_RANK,
		budgetBytes: config.DAK_ADAPTER_MEMORY_MB * 2 ** 20,
		mergedBudgetBytes: config.DAK_ADAPTER_MERGED_MB * 2 ** 20,
		pinned: new Set(config.DAK_ADAPTER_PINNED),
	});
}

/** Largest 1 − cosine of two sets' vectors. @shape [B,D] each */
function largestGap(a: Float32Array, b: Float32Array, dimension: number): number {
	let gap = 0;
	for (let at = 0; at < a.length; at += dimension)
		gap = Math.max(gap, 1 - cosine(a.subarray(at, at + dimension), b.subarray(at, at + dimension)));
	return gap;
}

function createScheduler(config: Config, runner: ModelRunner, metrics: EmbedMetrics): Scheduler {
	const limits = {
		maxBatchTokens: config.DAK_MAX_BATCH_TOKENS,
		maxBatchTexts: MAX_BATCH_TEXTS,
		maxQueueTexts: config.DAK_MAX_QUEUE_TEXTS,
		maxQueueTokens: config.DAK_MAX_QUEUE_TOKENS,
		maxQueueMs: config.DAK_MAX_QUEUE_MS,
	};
	return new Scheduler(runner, limits, {
		queueChanged: (texts, tokens) => {
			metrics.queueTexts.set(texts);
			metrics.queueTokens.set(tokens);
		},
		batchDone: ({ texts, tokens, inferenceMs }) => {
			metrics.batchTexts.observe(texts);
			metrics.batchTokens.observe(tokens);
			metrics.inferenceSeconds.observe(inferenceMs / 1000);
		},
	});
}

async function serveBoth(
	config: Config,
	app: EmbedApplication,
	{ logger, metrics, tracing }: Pick<RegistryParts, "logger" | "metrics" | "tracing">,
) {
	const keys = ApiKeys.parse(config.DAK_API_KEYS);
	const draining = new AbortController();
	const health = new HealthStatus(GRPC_SERVICES.map(({ typeName }) => typeName));
	const restApp = createRestApp({
		service: "embed-service",
		version: TOOL_VERSION,
		description: "Embeds texts with a base model or an adapter of it.",
		logger,
		metrics,
		maxBodyBytes: config.DAK_MAX_BODY_BYTES,
		keys,
		open: config.DAK_OPEN,
		routes: restRoutes(app),
		notReady: () => app.notReady(),
		draining: draining.signal,
		tracing,
	});
	const server = createGrpcServer({ maxMessageBytes: config.DAK_MAX_BODY_BYTES, maxStreams: config.DAK_MAX_STREAMS });
	const shared = { logger, metrics: metrics.traffic, keys, open: config.DAK_OPEN };
	addEmbedServices(server, app, { ...shared, draining: draining.signal, tracing });
	addHealth(server, health, shared);
	addReflection(server, GRPC_SERVICES, shared);
	const tls = TlsFiles.of(config, logger);
	const rest = await serveRest(restApp, config.DAK_HOST, config.DAK_EMBED_PORT, { tls, maxHeaderBytes: config.DAK_MAX_HEADER_BYTES });
	const grpc = await serveGrpc(server, config.DAK_HOST, config.DAK_EMBED_GRPC_PORT, { tls });
	health.setServing(true);
	return {
		restPort: rest.port,
		grpcPort: grpc.port,
		drain: async () => {
			health.setServing(false);
			await drainAll([rest, grpc], draining, DRAIN_MS);
			tls?.close();
		},
	};
}
