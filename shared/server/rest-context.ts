/** What the middleware in front of the routes notes about a request, and the one place that observes and logs it. */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { type Logger, type RequestMetrics, type Tracing, withLogFields } from "../observability/index.js";
import type { ErrorShape } from "./error-shapes.js";
import { requestIdFrom } from "./request-id.js";

export interface RestContext {
	readonly requestId: string;
	readonly signal: AbortSignal;
	readonly log: Logger;
	/** Path template of the matched route; bounded, so it can be a metric's label. */
	route: string;
	errorShape: ErrorShape;
	/** Who asks, as ApiKeys names them. */
	user: string;
}

const contexts = new WeakMap<Response, RestContext>();

/** The context that `observeRequests` made for this answer. */
export function contextOf(res: Response): RestContext {
	const context = contexts.get(res);
	if (!context) throw new Error("observeRequests must come first");
	return context;
}

const HEADERS = {
	"x-content-type-options": "nosniff",
	"content-security-policy": "default-src 'none'; frame-ancestors 'none'",
	"cross-origin-resource-policy": "same-origin",
	"referrer-policy": "no-referrer",
	"cache-control": "no-store",
} as const;

/** Once reached by TLS, a browser asks for no plain text here for a year. */
const STRICT_TRANSPORT = "max-age=31536000";

/** Probes and scrapes come every few seconds. */
const QUIET = new Set(["/healthz", "/readyz", "/health", "/metrics"]);
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The job and the adapter that a request was about: from its path, or from what its answer says of them. */
function idsOf(req: Request, res: Response, route: string): { job_id?: string; adapter?: string } {
	const job = /\/jobs\/(job_\w+)/.exec(route === "unmatched" ? "" : `${String(res.get("location") ?? "")} ${req.path}`)?.[1];
	const adapter = res.get("x-dak-adapter");
	return { ...(job !== undefined && { job_id: job }), ...(adapter !== undefined && { adapter }) };
}

/** Gives each request an id, security headers, an abort signal and a span; observes and logs it once, when its answer ends. */
export function observeRequests(logger: Logger, metrics: RequestMetrics, tracing: Tracing): RequestHandler {
	return (req: Request, res: Response, next: NextFunction) => {
		const finished = metrics.startHttp();
		const started = performance.now();
		const requestId = requestIdFrom(req.get("x-request-id"));
		const abort = new AbortController();
		const context: RestContext = {
			requestId,
			signal: abort.signal,
			log: logger,
			route: "unmatched",
			errorShape: "problem",
			user: "",
		};
		contexts.set(res, context);
		res.set({ ...HEADERS, "x-request-id": requestId });
		if (req.secure) res.set("strict-transport-security", STRICT_TRANSPORT);
		const span = tracing.begin(req.method, { kind: "server", parent: req.get("traceparent") });
		res.once("close", () => {
			const aborted = !res.writableFinished;
			if (aborted) abort.abort();
			const status = aborted ? 499 : res.statusCode;
			const method = KNOWN_METHODS.has(req.method) ? req.method : "OTHER";
			finished({ method, route: context.route, status });
			const level = QUIET.has(context.route) ? "trace" : "info";
			const ids = idsOf(req, res, context.route);
			const facts = { method, route: context.route, status, ...ids };
			span.set({ "http.request.method": method, "http.route": context.route, "http.response.status_code": status, ...ids });
			span.end(status >= 500 ? { name: String(status) } : undefined);
			span.within(() =>
				withLogFields({ request_id: requestId }, () =>
					context.log[level]({ ...facts, ms: Math.round(performance.now() - started) }, "request"),
				),
			);
		});
		span.within(() => withLogFields({ request_id: requestId }, next));
	};
}
