/** A typed client of a generated service: promises and async iterables, DakErrors with the server's reasons. */
import { create, type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
	type ChannelCredentials,
	Client,
	type ClientDuplexStream,
	type ClientOptions,
	type ClientReadableStream,
	type ClientWritableStream,
	credentials,
	Metadata,
	type CallOptions as RawCallOptions,
	type ServiceError,
} from "@grpc/grpc-js";
import { DakError } from "../errors/index.js";
import { fromGrpcError } from "./grpc-status.js";
import { type CallOptions, type ClientMethods, methodPath } from "./grpc-types.js";

export interface GrpcClientOptions {
	/** Without TLS by default. */
	readonly credentials?: ChannelCredentials;
	readonly apiKey?: string | undefined;
	/** Largest message either way, bytes. */
	readonly maxMessageBytes?: number;
	/** Longest wait before a lost connection is tried again (unset: grpc-js' own, 2 minutes); silence of 12 times as long counts as lost. */
	readonly reconnectMs?: number;
}

export type GrpcClient<S extends DescService> = ClientMethods<S> & { close(): void };

type Cancellable = { cancel(): void };
type Duplex = ClientDuplexStream<Buffer, Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;

function failure(error: unknown): unknown {
	return error instanceof Error && "code" in error && "metadata" in error ? fromGrpcError(error as ServiceError) : error;
}

/** Cancels the call when the signal aborts; returns what undoes the link. */
function link(call: Cancellable, signal: AbortSignal | undefined): () => void {
	const cancel = () => call.cancel();
	if (signal?.aborted) cancel();
	signal?.addEventListener("abort", cancel, { once: true });
	return () => signal?.removeEventListener("abort", cancel);
}

class Caller {
	readonly #client: Client;
	readonly #apiKey: string | undefined;

	constructor(address: string, { credentials: given, apiKey, maxMessageBytes = 64 * 1024 * 1024, reconnectMs }: GrpcClientOptions) {
		const options: ClientOptions = {
			"grpc.max_receive_message_length": maxMessageBytes,
			"grpc.max_send_message_length": maxMessageBytes,
			...(reconnectMs !== undefined && {
				"grpc.initial_reconnect_backoff_ms": Math.min(200, reconnectMs),
				"grpc.max_reconnect_backoff_ms": reconnectMs,
				"grpc.keepalive_time_ms": 10 * reconnectMs,
				"grpc.keepalive_timeout_ms": 2 * reconnectMs,
			}),
		};
		this.#client = new Client(address, given ?? credentials.createInsecure(), options);
		this.#apiKey = apiKey;
	}

	close(): void {
		this.#client.close();
	}

	unary(desc: DescMethod, request: unknown, options: CallOptions): Promise<Message> {
		return new Promise((resolve, reject) => {
			const bytes = encode(desc, request);
			const call = this.#client.makeUnaryRequest(
				methodPath(desc),
				identity,
				identity,
				bytes,
				...this.#settings(options),
				(error, answer) => {
					unlink();
					if (error) reject(fromGrpcError(error));
					else resolve(fromBinary(desc.output, answer!));
				},
			);
			const unlink = link(call, options.signal);
		});
	}

	serverStream(desc: DescMethod, request: unknown, options: CallOptions): AsyncIterable<Message> {
		const bytes = encode(desc, request);
		const call = this.#client.makeServerStreamRequest(methodPath(desc), identity, identity, bytes, ...this.#settings(options));
		return read(desc, call, options.signal);
	}

	clientStream(desc: DescMethod, requests: AsyncIterable<unknown>, options: CallOptions): Promise<Message> {
		return new Promise((resolve, reject) => {
			const call = this.#client.makeClientStreamRequest<Buffer, Buffer>(
				methodPath(desc),
				identity,
				identity,
				...this.#settings(options),
				(error, answer) => {
					unlink();
					if (error) reject(fromGrpcError(error));
					else resolve(fromBinary(desc.output, answer!));
				},
			);
			const unlink = link(call, options.signal);
			send(desc, call, requests).catch((error) => {
				call.cancel();
				reject(error);
			});
		});
	}

	bidi(desc: DescMethod, requests: AsyncIterable<unknown>, options: CallOptions): AsyncIterable<Message> {
		const call: Duplex = this.#client.makeBidiStreamRequest(methodPath(desc), identity, identity, ...this.#settings(options));
		// What the source of requests throws reaches the reader of the answers.
		send(desc, call, requests).catch((error) => {
			call.destroy(error);
			call.cancel();
		});
		return read(desc, call, options.signal);
	}

	#settings({ timeoutMs, requestId }: CallOptions): [Metadata, RawCallOptions] {
		const metadata = new Metadata();
		if (this.#apiKey !== undefined) metadata.set("authorization", `Bearer ${this.#apiKey}`);
		if (requestId !== undefined) metadata.set("x-request-id", requestId);
		return [metadata, timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }];
	}
}

function encode(desc: DescMethod, value: unknown): Buffer {
	return Buffer.from(toBinary(desc.input, create(desc.input, value as Record<string, unknown>)));
}

async function send(desc: DescMethod, call: ClientWritableStream<Buffer>, requests: AsyncIterable<unknown>): Promise<void> {
	for await (const request of requests) {
		if (call.destroyed || call.writableEnded) return;
		if (!call.write(encode(desc, request)))
			await new Promise<void>((resolve) => onceAny(call, ["drain", "close", "error", "status"], resolve));
	}
	call.end();
}

function onceAny(emitter: NodeJS.EventEmitter, events: readonly string[], done: () => void): void {
	const fire = () => {
		for (const event of events) emitter.off(event, fire);
		done();
	};
	for (const event of events) emitter.once(event, fire);
}

/** The answers; leaving the loop early cancels the call. */
function read(desc: DescMethod, call: ClientReadableStream<Buffer>, signal: AbortSignal | undefined): AsyncIterable<Message> {
	// An error before or between reads must not count as unhandled; the loop still throws it.
	call.on("error", () => {});
	const unlink = link(call, signal);
	return (async function* () {
		try {
			for await (const bytes of call) yield fromBinary(desc.output, bytes as Buffer);
		} catch (error) {
			throw signal?.aborted ? new DakError("CANCELLED", "the call was cancelled", { cause: error }) : failure(error);
		} finally {
			unlink();
			call.cancel();
		}
	})();
}

function bind(caller: Caller, desc: DescMethod) {
	return (input: never, options: CallOptions = {}): unknown => {
		switch (desc.methodKind) {
			case "unary":
				return caller.unary(desc, input, options);
			case "server_streaming":
				return caller.serverStream(desc, input, options);
			case "client_streaming":
				return caller.clientStream(desc, input, options);
			case "bidi_streaming":
				return caller.bidi(desc, input, options);
		}
	};
}

/** A client of `desc` at `host:port`. It connects at the first call; the caller closes it. */
export function createGrpcClient<S extends DescService>(desc: S, address: string, options: GrpcClientOptions = {}): GrpcClient<S> {
	const caller = new Caller(address, options);
	const methods = Object.fromEntries(desc.methods.map((method) => [method.localName, bind(caller, method)]));
	return { ...methods, close: () => caller.close() } as GrpcClient<S>;
}
