/** The express app of a service: its routes from their declarations, and around them everything that all REST services share. */
import express, { type Express, type RequestHandler } from "express";
import type { Registry } from "prom-client";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { type Logger, NO_TRACING, type RequestMetrics, type Tracing } from "../observability/index.js";
import type { ApiKeys } from "./api-keys.js";
import { DOCS_CSP, docsPage } from "./docs-page.js";
import { groupBy } from "./group-by.js";
import { jsonBody } from "./json-body.js";
import { openApiDocument } from "./openapi.js";
import { contextOf, observeRequests } from "./rest-context.js";
import { methodNotAllowed, problemErrors, routeNotFound } from "./rest-errors.js";
import { pathPattern, type Reply, type Route, type RouteRequest, route } from "./route.js";

export interface RestAppOptions {
	/** Title of the API, such as `train-service`. */
	readonly service: string;
	readonly version: string;
	readonly description?: string;
	readonly logger: Logger;
	readonly metrics: { readonly registry: Registry; readonly traffic: RequestMetrics };
	readonly maxBodyBytes: number;
	readonly keys: ApiKeys;
	/** Groups of operations that need no key; the others need the scope read. All by default. */
	readonly open?: readonly string[];
	readonly routes: readonly Route[];
	/** Why the service cannot take requests yet; undefined once it can. Shown by /readyz. */
	readonly notReady?: () => string | undefined;
	/** Aborted when the service starts to drain: new requests are then refused, running ones go on. */
	readonly draining?: AbortSignal;
	readonly tracing?: Tracing;
}

const readiness = z.object({ status: z.enum(["ready", "not_ready"]), detail: z.string().optional() }).meta({ id: "Readiness" });

/** The groups of DAK_OPEN. Text Embeddings Inference's /health is one of a service's own routes. */
const GROUPS: Readonly<Record<string, string>> = {
	"/healthz": "health",
	"/readyz": "health",
	"/health": "health",
	"/metrics": "metrics",
	"/openapi.json": "docs",
	"/docs": "docs",
};

/** A route as it stands where its group is open, else behind a key. */
const closing =
	({ open }: RestAppOptions) =>
	(spec: Route): Route => {
		const group = GROUPS[spec.path];
		return group === undefined || open === undefined || open.includes(group) ? spec : { ...spec, scope: "read" };
	};

function operations({ service, version, description, metrics, notReady, draining, routes, keys }: RestAppOptions): Route[] {
	const probes = [
		route({
			method: "get",
			path: "/healthz",
			operationId: "healthz",
			summary: "Whether the process lives",
			tag: "operations",
			response: { status: 200, description: "It does", schema: z.object({ status: z.literal("ok") }) },
		}).handle(() => ({ body: { status: "ok" } })),
		route({
			method: "get",
			path: "/readyz",
			operationId: "readyz",
			summary: "Whether requests are taken; 503 while starting or draining",
			tag: "operations",
			response: { status: 200, description: "They are", schema: readiness },
		}).handle(() => {
			const detail = draining?.aborted ? "draining" : notReady?.();
			return detail === undefined ? { body: { status: "ready" } } : { status: 503, body: { status: "not_ready", detail } };
		}),
		route({
			method: "get",
			path: "/metrics",
			operationId: "metrics",
			summary: "Prometheus metrics",
			tag: "operations",
			response: { status: 200, description: "Metrics in text format", contentType: "text/plain" },
		}).handle(async ({ res }) => {
			const text = await metrics.registry.metrics();
			res.set("content-type", metrics.registry.contentType).end(text);
		}),
	];
	const document = openApiDocument({
		title: service,
		version,
		...(description !== undefined && { description }),
		routes: [...routes, ...probes].filter(({ hidden }) => !hidden),
		secured: keys.enabled,
	});
	return [...probes, ...documentation(document)];
}

function documentation(document: ReturnType<typeof openApiDocument>): Route[] {
	const page = docsPage(document);
	return [
		route({
			method: "get",
			path: "/openapi.json",
			operationId: "openapi",
			summary: "This API as OpenAPI 3.1",
			response: { status: 200, description: "The document", contentType: "application/json" },
		}).handle(() => ({ body: document as never })),
		route({
			method: "get",
			path: "/docs",
			operationId: "docs",
			summary: "This API as a page",
			response: { status: 200, description: "The page", contentType: "text/html" },
		}).handle(({ res }) => {
			res.set({ "content-security-policy": DOCS_CSP, "content-type": "text/html; charset=utf-8" }).end(page);
		}),
	];
}

/** The first middleware of a matched route: names it for metrics and errors, and refuses who may not call it. */
function enter(spec: Route, { keys, draining }: RestAppOptions, exempt: boolean): RequestHandler {
	return (req, res, next) => {
		const context = contextOf(res);
		context.route = spec.path;
		context.errorShape = spec.errorShape ?? "problem";
		if (draining?.aborted && !exempt) {
			res.set("connection", "close");
			throw new DakError("DRAINING", "the service is shutting down", { retryAfterMs: 1000 });
		}
		if (spec.scope) context.user = keys.authorize({ authorization: req.get("authorization"), apiKey: req.get("x-api-key") }, spec.scope);
		next();
	};
}

const NEVER = new AbortController().signal;

function answer(spec: Route, draining: AbortSignal): RequestHandler {
	return async (req, res) => {
		const { requestId, signal, user } = contextOf(res);
		const request: RouteRequest<unknown, unknown, unknown> = {
			params: spec.params && parseOrThrow(spec.params, { ...req.params }),
			query: spec.query && parseOrThrow(spec.query, { ...req.query }),
			body: spec.body && parseOrThrow(spec.body, req.body),
			requestId,
			user,
			signal,
			draining,
			req,
			res,
		};
		const reply = (await spec.handle(request)) as Reply<unknown> | undefined;
		if (!reply) return;
		res.status(reply.status ?? spec.response.status).set(reply.headers ?? {});
		if (reply.body === undefined) res.end();
		else res.json(reply.body);
	};
}

function mount(app: Express, routes: readonly Route[], options: RestAppOptions, exempt: boolean): void {
	for (const spec of routes) {
		const body = spec.body ? [jsonBody(options.maxBodyBytes)] : [];
		app[spec.method](pathPattern(spec.path), enter(spec, options, exempt), ...body, answer(spec, options.draining ?? NEVER));
	}
}

function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
	for (const [path, group] of groupBy(routes, (spec) => spec.path)) {
		const methods = group.map(({ method }) => method.toUpperCase());
		app.all(pathPattern(path), methodNotAllowed(methods.includes("GET") ? [...methods, "HEAD"] : methods));
	}
}

/** The app, with /healthz, /readyz, /metrics, /openapi.json and /docs beside the service's own routes. */
export function createRestApp(options: RestAppOptions): Express {
	const app = express();
	app.disable("x-powered-by").disable("etag").set("query parser", "simple");
	app.use(observeRequests(options.logger, options.metrics.traffic, options.tracing ?? NO_TRACING));
	const own = operations(options).map(closing(options));
	mount(app, own, options, true);
	mount(app, options.routes.map(closing(options)), options, false);
	refuseOtherMethods(app, [...own, ...options.routes]);
	app.use(routeNotFound);
	app.use(problemErrors());
	return app;
}
