/** What the tests of this room share: silent logs, fresh metrics, and real servers that end with the test. */
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { createEmbedMetrics } from "../../observability/index.js";
import {
	ApiKeys,
	createGrpcServer,
	createRestApp,
	type Listening,
	type RestAppOptions,
	type ServeRestOptions,
	serveGrpc,
	serveRest,
} from "../index.js";

export const logger = pino({ level: "silent" });

/** Ends a server with the test, without patience. */
function ended<T extends Listening>(listening: T): T {
	onTestFinished(() => listening.drain(0));
	return listening;
}

export async function startRest(
	options: Partial<RestAppOptions> & Pick<RestAppOptions, "routes">,
	serving: ServeRestOptions = {},
): Promise<Listening & { url: string; metrics: ReturnType<typeof createEmbedMetrics> }> {
	const metrics = createEmbedMetrics();
	const app = createRestApp({
		service: "test-service",
		version: "1.2.3",
		logger,
		metrics,
		maxBodyBytes: 1024,
		keys: ApiKeys.parse(undefined),
		...options,
	});
	const listening = ended(await serveRest(app, "127.0.0.1", 0, serving));
	return { ...listening, url: `${serving.tls ? "https" : "http"}://127.0.0.1:${listening.port}`, metrics };
}

export async function startGrpc(
	add: (
		server: ReturnType<typeof createGrpcServer>,
		options: { logger: typeof logger; metrics: ReturnType<typeof createEmbedMetrics>["traffic"]; keys: ApiKeys },
	) => void,
	keys = ApiKeys.parse(undefined),
	{ tls, maxStreams }: ServeRestOptions & { readonly maxStreams?: number } = {},
): Promise<Listening & { address: string; metrics: ReturnType<typeof createEmbedMetrics> }> {
	const metrics = createEmbedMetrics();
	const server = createGrpcServer({ maxMessageBytes: 64 * 1024, ...(maxStreams !== undefined && { maxStreams }) });
	add(server, { logger, metrics: metrics.traffic, keys });
	const listening = ended(await serveGrpc(server, "127.0.0.1", 0, { tls }));
	return { ...listening, address: `127.0.0.1:${listening.port}`, metrics };
}
