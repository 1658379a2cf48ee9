/**
 * Serves a protobuf-es service with grpc-js. Messages reach grpc-js as bytes, so that decoding happens here and a message that does
 * not decode is the client's fault with its reason. Every call goes through one wrapper: authorise, run, observe, log, map errors.
 */
import type { Readable } from "node:stream";
import { create, type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
	Metadata,
	type Server,
	type ServerDuplexStream,
	type ServerUnaryCall,
	type ServiceDefinition,
	status,
	type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { DakError, toDakError } from "../errors/index.js";
import { type Logger, NO_TRACING, type RequestMetrics, type Tracing, withLogFields } from "../observability/index.js";
import type { ApiKeys, Scope } from "./api-keys.js";
import { grpcStatus } from "./grpc-status.js";
import { type CallContext, methodPath, type ServiceHandlers } from "./grpc-types.js";
import { requestIdFrom } from "./request-id.js";

export interface GrpcServiceOptions<S extends DescService> {
	readonly logger: Logger;
	readonly metrics: RequestMetrics;
	readonly keys: ApiKeys;
	/** The scope that each method asks for; a method without one is open. */
	readonly scopes?: { readonly [K in keyof S["method"]]?: Scope };
	/** Aborted when the service starts to drain: new calls are then refused, running ones go on. */
	readonly draining?: AbortSignal;
	readonly tracing?: Tracing;
}

type AnyHandler = (input: unknown, context: CallContext) => unknown;
type AnyCall = ServerUnaryCall<Buffer, Buffer> & Partial<ServerDuplexStream<Buffer, Buffer>>;
type Reply = (error: unknown, value: Buffer | undefined, trailer: Metadata) => void;

interface Method {
	readonly desc: DescMethod;
	readonly handler: AnyHandler;
	readonly scope: Scope | undefined;
	readonly options: Omit<GrpcServiceOptions<DescService>, "scopes">;
}

const NEVER = new AbortController().signal;
const identity = (bytes: Buffer): Buffer => bytes;

function decode(desc: DescMethod, bytes: Buffer): Message {
	try {
		return fromBinary(desc.input, bytes);
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new DakError("MALFORMED_BODY", `the message is not a valid ${desc.input.typeName}: ${why}`);
	}
}

function encode(desc: DescMethod, value: unknown): Buffer {
	return Buffer.from(toBinary(desc.output, create(desc.output, value as Record<string, unknown>)));
}

/** Hands a response stream its messages no faster than the client takes them; ends early when the call is cancelled. */
async function pump(desc: DescMethod, call: AnyCall, answers: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
	for await (const answer of answers) {
		if (signal.aborted) return;
		if (!call.write!(encode(desc, answer))) await drained(call, signal);
	}
}

function drained(call: AnyCall, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			call.off("drain", done);
			signal.removeEventListener("abort", done);
			resolve();
		};
		call.once("drain", done);
		signal.addEventListener("abort", done);
		if (signal.aborted) done();
	});
}

async function* decoded(desc: DescMethod, call: AnyCall): AsyncGenerator<Message> {
	// By default the end of the requests would destroy the stream that the answers still have to take.
	const requests = (call as unknown as Readable).iterator({ destroyOnReturn: false });
	for await (const bytes of requests) yield decode(desc, bytes);
}

/** @returns who asks */
function admit({ scope, options: { keys, draining } }: Method, call: AnyCall): string {
	if (draining?.aborted) throw new DakError("DRAINING", "the service is shutting down", { retryAfterMs: 1000 });
	const header = (name: string) => call.metadata.get(name)[0]?.toString();
	return scope ? keys.authorize({ authorization: header("authorization"), apiKey: header("x-api-key") }, scope) : "";
}

/** Runs a call to its end; the encoded answer where the method has a single one. */
async function run(method: Method, call: AnyCall, context: CallContext): Promise<Buffer | undefined> {
	const { desc, handler } = method;
	const streamsIn = desc.methodKind === "client_streaming" || desc.methodKind === "bidi_streaming";
	const streamsOut = desc.methodKind === "server_streaming" || desc.methodKind === "bidi_streaming";
	const user = admit(method, call);
	const answer = handler(streamsIn ? decoded(desc, call) : decode(desc, call.request), { ...context, user });
	if (!streamsOut) return encode(desc, await answer);
	await pump(desc, call, answer as AsyncIterable<unknown>, context.signal);
	return undefined;
}

function contextFor({ options }: Method, call: AnyCall): CallContext {
	const abort = new AbortController();
	if (call.cancelled) abort.abort();
	call.on("cancelled", () => abort.abort());
	const requestId = requestIdFrom(call.metadata.get("x-request-id")[0]?.toString());
	const headers = new Metadata();
	headers.set("x-request-id", requestId);
	call.sendMetadata(headers);
	return {
		requestId,
		user: "",
		signal: abort.signal,
		draining: options.draining ?? NEVER,
		metadata: call.metadata,
		trailer: new Metadata(),
	};
}

function report({ options }: Method, error: DakError): void {
	const quiet = error.reason === "DRAINING" || error.row.http < 500;
	const fields = { reason: error.reason };
	if (quiet) options.logger.debug({ ...fields, detail: error.message }, "refused");
	else options.logger.error({ ...fields, err: error, cause: error.cause }, "failed");
}

async function serve(method: Method, call: AnyCall, reply: Reply): Promise<void> {
	const { desc, options } = method;
	const context = contextFor(method, call);
	const parent = call.metadata.get("traceparent")[0]?.toString();
	const span = (options.tracing ?? NO_TRACING).begin(methodPath(desc).slice(1), { kind: "server", parent });
	const code = await span.within(() => withLogFields({ request_id: context.requestId }, () => answer(method, call, context, reply)));
	span.set({ "rpc.system": "grpc", "rpc.service": desc.parent.typeName, "rpc.method": desc.name, "rpc.grpc.status_code": code });
	span.end(FAILED.has(code) ? { name: status[code] } : undefined);
}

/** Statuses that say that the service is at fault. */
const FAILED: ReadonlySet<number> = new Set([status.UNKNOWN, status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS]);

/** Answers a call, observes and logs it; returns its status. */
async function answer(method: Method, call: AnyCall, context: CallContext, reply: Reply): Promise<number> {
	const { desc, options } = method;
	const finished = options.metrics.startGrpc();
	const started = performance.now();
	let code: number = status.OK;
	try {
		reply(null, await run(method, call, context), context.trailer);
		if (context.signal.aborted) code = status.CANCELLED;
	} catch (thrown) {
		const error = context.signal.aborted ? new DakError("CANCELLED", "the client went away", { cause: thrown }) : toDakError(thrown);
		report(method, error);
		const outcome = grpcStatus(error, context.trailer);
		code = outcome.code;
		reply(outcome, undefined, context.trailer);
	}
	const labels = { service: desc.parent.typeName, method: desc.name, code: status[code] ?? "UNKNOWN" };
	finished(labels);
	options.logger.debug({ ...labels, ms: Math.round(performance.now() - started) }, "call");
	return code;
}

/** The function that grpc-js calls; its signature depends on the method's kind. */
function implementation(method: Method): UntypedServiceImplementation[string] {
	const { methodKind } = method.desc;
	if (methodKind === "unary" || methodKind === "client_streaming") {
		return ((call: AnyCall, callback: Reply) => void serve(method, call, callback)) as UntypedServiceImplementation[string];
	}
	return ((call: AnyCall) =>
		void serve(method, call, (error, _, trailer) =>
			error ? call.emit!("error", error) : call.end!(trailer),
		)) as UntypedServiceImplementation[string];
}

function definition(desc: DescService): ServiceDefinition {
	return Object.fromEntries(
		desc.methods.map((method) => [
			method.localName,
			{
				path: methodPath(method),
				requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
				responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
				requestSerialize: identity,
				requestDeserialize: identity,
				responseSerialize: identity,
				responseDeserialize: identity,
			},
		]),
	);
}

/** Adds a generated service to a server; `handlers` has one function a method, by its local name. */
export function addProtoService<S extends DescService>(
	server: Server,
	desc: S,
	handlers: ServiceHandlers<S>,
	options: GrpcServiceOptions<S>,
): void {
	const byName = handlers as Readonly<Record<string, AnyHandler>>;
	const scopes = (options.scopes ?? {}) as Readonly<Record<string, Scope | undefined>>;
	const methods = desc.methods.map((method): [string, UntypedServiceImplementation[string]] => {
		const handler: AnyHandler = (input, context) => byName[method.localName]!(input, context);
		return [method.localName, implementation({ desc: method, handler, scope: scopes[method.localName], options })];
	});
	server.addService(definition(desc), Object.fromEntries(methods));
}
