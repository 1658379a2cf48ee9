/**
 * A REST route declared once: what it takes and answers, who may call it, and what it does. The express app and the OpenAPI
 * document are both made from the declaration, so they cannot disagree.
 */
import type { Request, Response } from "express";
import type { z } from "zod";
import type { Reason } from "../errors/index.js";
import type { Scope } from "./api-keys.js";
import type { ErrorShape } from "./error-shapes.js";

export type HttpMethod = "get" | "post" | "put" | "patch" | "delete";

/** What a handler gets; the parts are validated. */
export interface RouteRequest<Params, Query, Body> {
	readonly params: Params;
	readonly query: Query;
	readonly body: Body;
	readonly requestId: string;
	/** Who asks, as ApiKeys names them. */
	readonly user: string;
	/** Aborts when the client goes away before the answer is finished. */
	readonly signal: AbortSignal;
	/** Aborts when the service starts to drain; long streams should then end. */
	readonly draining: AbortSignal;
	/** For headers and raw bodies. */
	readonly req: Request;
	/** For streamed answers; a handler that writes them itself returns nothing. */
	readonly res: Response;
}

/** A JSON answer; status falls back to the route's. */
export interface Reply<Body> {
	readonly body?: Body;
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
}

export interface ResponseSpec<R> {
	readonly status: number;
	readonly description: string;
	/** Of a JSON answer. */
	readonly schema?: z.ZodType<unknown, R>;
	/** Of an answer that is not JSON, such as text/event-stream. */
	readonly contentType?: string;
	/** Response headers by name, with their meaning. */
	readonly headers?: Readonly<Record<string, string>>;
}

/** A body that the handler reads from `req` itself. */
export interface RawBodySpec {
	readonly contentTypes: readonly string[];
	readonly description: string;
}

export interface RouteSpec<P, Q, B, R> {
	readonly method: HttpMethod;
	/** `{name}` matches one segment up to a colon, `{+name}` the rest of the path: `/v1/jobs/{id}:cancel`, `/files/{+path}`. */
	readonly path: string;
	readonly operationId: string;
	readonly summary: string;
	readonly description?: string;
	readonly tag?: string;
	/** Undefined: open to everyone. */
	readonly scope?: Scope;
	/** Not part of the API: a page, or what a page alone calls. The OpenAPI document leaves it out. */
	readonly hidden?: boolean;
	readonly params?: z.ZodType<P>;
	readonly query?: z.ZodType<Q>;
	/** Request headers that the handler reads, with their meaning; documentation only. */
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: z.ZodType<B>;
	readonly rawBody?: RawBodySpec;
	readonly response: ResponseSpec<R>;
	/** Reasons beyond those that any route may answer with. */
	readonly errors?: readonly Reason[];
	/** Shape of error bodies; a problem by default. */
	readonly errorShape?: ErrorShape;
}

/** A declared route with its handler. */
export interface Route extends RouteSpec<unknown, unknown, unknown, unknown> {
	handle(request: RouteRequest<unknown, unknown, unknown>): unknown;
}

type Handler<P, Q, B, R> = (
	request: RouteRequest<P, Q, B>,
	// biome-ignore lint/suspicious/noConfusingVoidType: a handler that streams its answer returns nothing
) => Promise<Reply<R> | void> | Reply<R> | void;

/**
 * Declares a route; `.handle(handler)` completes it. Two calls, because the handler's types then follow from the declaration alone.
 */
export function route<P = undefined, Q = undefined, B = undefined, R = undefined>(
	spec: RouteSpec<P, Q, B, R>,
): { handle(handler: Handler<P, Q, B, R>): Route } {
	// What the handler is called with has gone through the schemas, so the widening is safe.
	return { handle: (handler) => ({ ...spec, handle: handler as Route["handle"] }) as Route };
}

const PARAM = /\{(\+?)(\w+)\}/g;

/** The pattern that express matches a path template with. */
export function pathPattern(path: string): RegExp {
	const literal = (text: string) => text.replace(/[.*+?^$()|[\]\\/{}]/g, "\\$&");
	let source = "";
	let last = 0;
	for (const match of path.matchAll(PARAM)) {
		const [whole, rest, name] = match;
		source += `${literal(path.slice(last, match.index))}(?<${name}>${rest ? ".+" : "[^/:]+"})`;
		last = match.index + whole.length;
	}
	return new RegExp(`^${source}${literal(path.slice(last))}/?$`);
}

/** The path template as OpenAPI writes it. */
export function openApiPath(path: string): string {
	return path.replace(PARAM, "{$2}");
}
