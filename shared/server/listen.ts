/** Listening and draining: a server stops taking work, finishes what runs within a deadline, then breaks off the rest. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { DakError } from "../errors/index.js";

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

/** @throws UNAVAILABLE where the port is taken or the address is not this machine's */
export function serveRest(app: RequestListener, host: string, port: number): Promise<Listening> {
	// Uploads may take long; a client that sends no head within the default 60 s is still cut off.
	const server = createServer({ requestTimeout: 30 * 60_000 }, app);
	const drain = (deadlineMs: number) => {
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		// A kept-alive connection falls idle only once its answer is sent.
		const sweep = setInterval(() => server.closeIdleConnections(), 50);
		void closed.then(() => clearInterval(sweep));
		return within(deadlineMs, closed, () => server.closeAllConnections());
	};
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
}

export function createGrpcServer({ maxMessageBytes }: GrpcServerOptions): GrpcServer {
	return new GrpcServer({
		"grpc.max_receive_message_length": maxMessageBytes,
		// An answer of vectors is larger than its texts.
		"grpc.max_send_message_length": -1,
		"grpc.keepalive_time_ms": 60_000,
	});
}

/** @throws UNAVAILABLE where the port is taken or the address is not this machine's */
export function serveGrpc(server: GrpcServer, host: string, port: number): Promise<Listening> {
	const drain = (deadlineMs: number) => {
		const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
		return within(deadlineMs, closed, () => server.forceShutdown());
	};
	const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
	return new Promise((resolve, reject) => {
		server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
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
