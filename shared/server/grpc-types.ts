/** Types that follow from a generated service: its handlers on the server, its methods on the client. */
import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";

/** What a handler may want to know about its call. */
export interface CallContext {
	readonly requestId: string;
	/** Who asks, as ApiKeys names them. */
	readonly user: string;
	/** Aborts when the client cancels, goes away, or its deadline passes. */
	readonly signal: AbortSignal;
	/** Aborts when the service starts to drain; long streams should then end. */
	readonly draining: AbortSignal;
	/** What the client sent. */
	readonly metadata: Metadata;
	/** Sent with the final status. */
	readonly trailer: Metadata;
}

type In<M> = M extends { input: infer I extends DescMessage } ? MessageShape<I> : never;
type InInit<M> = M extends { input: infer I extends DescMessage } ? MessageInitShape<I> : never;
type Out<M> = M extends { output: infer O extends DescMessage } ? MessageShape<O> : never;
type OutInit<M> = M extends { output: infer O extends DescMessage } ? MessageInitShape<O> : never;

type Handler<M> = M extends { methodKind: "unary" }
	? (request: In<M>, context: CallContext) => Promise<OutInit<M>> | OutInit<M>
	: M extends { methodKind: "server_streaming" }
		? (request: In<M>, context: CallContext) => AsyncIterable<OutInit<M>>
		: M extends { methodKind: "client_streaming" }
			? (requests: AsyncIterable<In<M>>, context: CallContext) => Promise<OutInit<M>>
			: (requests: AsyncIterable<In<M>>, context: CallContext) => AsyncIterable<OutInit<M>>;

/** One handler a method, by the method's local name. */
export type ServiceHandlers<S extends DescService> = { readonly [K in keyof S["method"]]: Handler<S["method"][K]> };

export interface CallOptions {
	readonly signal?: AbortSignal;
	/** From now. */
	readonly timeoutMs?: number;
	readonly requestId?: string;
}

type ClientMethod<M> = M extends { methodKind: "unary" }
	? (request: InInit<M>, options?: CallOptions) => Promise<Out<M>>
	: M extends { methodKind: "server_streaming" }
		? (request: InInit<M>, options?: CallOptions) => AsyncIterable<Out<M>>
		: M extends { methodKind: "client_streaming" }
			? (requests: AsyncIterable<InInit<M>>, options?: CallOptions) => Promise<Out<M>>
			: (requests: AsyncIterable<InInit<M>>, options?: CallOptions) => AsyncIterable<Out<M>>;

/** A service's methods as a client calls them. */
export type ClientMethods<S extends DescService> = { readonly [K in keyof S["method"]]: ClientMethod<S["method"][K]> };

/** The path that gRPC calls a method by. */
export function methodPath(method: DescMethod): string {
	return `/${method.parent.typeName}/${method.name}`;
}
