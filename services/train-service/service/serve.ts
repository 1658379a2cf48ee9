/** Both protocols of the service, from listening to drained. */
import { TOOL_VERSION } from "@dak/shared/adapters";
import type { Config } from "@dak/shared/config";
import type { Logger, Tracing, TrainMetrics } from "@dak/shared/observability";
import { TrainService } from "@dak/shared/proto";
import {
	ApiKeys,
	addHealth,
	addReflection,
	createGrpcServer,
	createRestApp,
	drainAll,
	HealthStatus,
	type Listening,
	serveGrpc,
	serveRest,
	TlsFiles,
} from "@dak/shared/server";
import { type Application, addTrainService, restRoutes } from "../api/index.js";
import { consoleRoutes } from "../console/index.js";

export interface Served {
	readonly rest: Listening;
	readonly grpc: Listening;
	/** Refuses new requests, lets running ones end, breaks off the rest. */
	drain(): Promise<void>;
}

const DRAIN_MS = 10_000;

export async function serveBoth(
	config: Config,
	app: Application,
	{
		logger,
		metrics,
		tracing,
		notReady,
	}: {
		readonly logger: Logger;
		readonly metrics: TrainMetrics;
		readonly tracing: Tracing;
		readonly notReady: () => string | undefined;
	},
): Promise<Served> {
	const keys = ApiKeys.parse(config.DAK_API_KEYS);
	const draining = new AbortController();
	const health = new HealthStatus([TrainService.typeName]);
	const restApp = createRestApp({
		service: "train-service",
		version: TOOL_VERSION,
		description: "Adapts sentence-embedding models to raw text without labels.",
		logger,
		metrics,
		maxBodyBytes: config.DAK_MAX_BODY_BYTES,
		keys,
		open: config.DAK_OPEN,
		routes: [...restRoutes(app), ...consoleRoutes(config)],
		notReady,
		draining: draining.signal,
		tracing,
	});
	const server = createGrpcServer({ maxMessageBytes: config.DAK_MAX_BODY_BYTES, maxStreams: config.DAK_MAX_STREAMS });
	const shared = { logger, metrics: metrics.traffic, keys, open: config.DAK_OPEN };
	addTrainService(server, app, { ...shared, draining: draining.signal, tracing });
	addHealth(server, health, shared);
	addReflection(server, [TrainService], shared);
	const tls = TlsFiles.of(config, logger);
	const rest = await serveRest(restApp, config.DAK_HOST, config.DAK_TRAIN_PORT, { tls, maxHeaderBytes: config.DAK_MAX_HEADER_BYTES });
	const grpc = await serveGrpc(server, config.DAK_HOST, config.DAK_TRAIN_GRPC_PORT, { tls }).catch(async (error) => {
		await rest.drain(0);
		throw error;
	});
	health.setServing(true);
	return {
		rest,
		grpc,
		drain: async () => {
			health.setServing(false);
			await drainAll([rest, grpc], draining, DRAIN_MS);
			tls?.close();
		},
	};
}
