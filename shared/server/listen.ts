/** Listening and draining: a server stops taking work, finishes what runs within a deadline, then breaks off the rest. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { DakError } from "../errors/index.js";
import { Connections } from "./connections.js";
import type { TlsFiles } from "./tls-files.js";

export interface Listening {
	readonly host: string;
	/** The port taken; where 0 was asked for, the one that was free. */
	readonly port: number;
	/** Stops accepting; resolves once all running requests are done, or were broken off at the deadline. */
	drain(deadlineMs: number): Promise<void>;
}

function cannotListen(what: string, host: string, port: number, cause: unknown): DakError {
	const why = cause instanceof Error ? cause.message : String(cause);
	return new DakError("UNAVAILABLE", `${what} cannot listen on ${host}:${port}: ${why}`, { cause });
}

/** Waits for `done`, and calls `breakOff` where it takes longer than the deadline. */
async function within(deadlineMs: number, done: Promise<void>, breakOff: () => void): Promise<void> {
	const timer = setTimeout(breakOff, deadlineMs);
	try {
		await done;
	} finally {
		clearTimeout(timer);
	}
}

export interface ServeOptions {
	/** Undefined: plain text. */
	readonly tls?: TlsFiles | undefined;
}

export interface ServeRestOptions extends ServeOptions {
	/** Most bytes of a request's head; Node answers 431 beyond them. */
	readonly maxHeaderBytes?: number;
}

/** Uploads may take long; a client that sends no head within the default 60 s is still cut off. */
const REQUEST_MS = 30 * 60_000;

function createRestServer(app: RequestListener, { tls, maxHeaderBytes = 16 * 1024 }: ServeRestOptions): Server {
	const limits = { requestTimeout: REQUEST_MS, maxHeaderSize: maxHeaderBytes };
	if (!tls) return createServer(limits, app);
	const server = createSecureServer({ ...limits, ...tls.context, requestCert: tls.mutual, rejectUnauthorized: tls.mutual }, app);
	server.once(
		"close",
		tls.onChange((context) => server.setSecureContext(context)),
	);
	return server;
}

/** @throws UNAVAILABLE where the port is taken or the address is not this machine's */
export function serveRest(app: RequestListener, host: string, port: number, options: ServeRestOptions = {}): Promise<Listening> {
	const server = createRestServer(app, options);
	const connections = new Connections(server, options.tls !== undefined);
	const drain = (deadlineMs: number) => within(deadlineMs, connections.drain(), () => server.closeAllConnections());
	return new Promise((resolve, reject) => {
		server.once("error", (error) => reject(cannotListen("REST", host, port, error)));
		server.listen(port, host, () => {
			server.removeAllListeners("error");
			resolve({ host, port: (server.address() as AddressInfo).port, drain });
		});
	});
}

export interface GrpcServerOptions {
	/** Largest message either way, bytes. */
	readonly maxMessageBytes: number;
	/** Most calls that one connection has open; a client's further ones wait. */
	readonly maxStreams?: number;
}

export function createGrpcServer({ maxMessageBytes, maxStreams = 256 }: GrpcServerOptions): GrpcServer {
	return new GrpcServer({
		"grpc.max_concurrent_streams": maxStreams,
		"grpc.max_receive_message_length": maxMessageBytes,
		// An answer of vectors is larger than its texts.
		"grpc.max_send_message_length": -1,
		"grpc.keepalive_time_ms": 60_000,
	});
}

/** grpc-js' own credentials are fixed; these follow the files. */
class FileCredentials extends ServerCredentials {
	constructor(tls: TlsFiles) {
		super({ requestCert: tls.mutual, rejectUnauthorized: tls.mutual }, tls.context);
		tls.onChange((context) => this.updateSecureContextOptions(context));
	}

	override _equals(other: ServerCredentials): boolean {
		return this === other;
	}
}

/** @throws UNAVAILABLE where the port is taken or the address is not this machine's */
export function serveGrpc(server: GrpcServer, host: string, port: number, { tls }: ServeOptions = {}): Promise<Listening> {
	const credentials = tls ? new FileCredentials(tls) : ServerCredentials.createInsecure();
	const drain = (deadlineMs: number) =>
		new Promise<void>((resolve) => {
			// tryShutdown never calls back where a peer that speaks no HTTP/2 was being turned away, so breaking off ends it as well.
			const timer = setTimeout(() => {
				server.forceShutdown();
				resolve();
			}, deadlineMs);
			server.tryShutdown(() => {
				clearTimeout(timer);
				resolve();
			});
		});
	const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
	return new Promise((resolve, reject) => {
		server.bindAsync(address, credentials, (error, bound) => {
			if (error) reject(cannotListen("gRPC", host, port, error));
			else resolve({ host, port: bound, drain });
		});
	});
}

/** Aborts `draining`, so that new requests are refused and long streams end, and drains all servers at once. */
export async function drainAll(servers: readonly Listening[], draining: AbortController, deadlineMs: number): Promise<void> {
	draining.abort();
	await Promise.all(servers.map((server) => server.drain(deadlineMs)));
}
