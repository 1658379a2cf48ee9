/** Fallbacks and the error writer at the end of a REST app. */
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from "express";
import { DakError, toDakError } from "../errors/index.js";
import { errorBody } from "./error-shapes.js";
import { contextOf } from "./rest-context.js";

/** Answers 404 for a path that no route has. */
export const routeNotFound: RequestHandler = (req) => {
	throw new DakError("ROUTE_NOT_FOUND", `no route ${req.method} ${req.path}; /openapi.json lists them`);
};

/** Answers 405 for a path whose routes have other methods. */
export function methodNotAllowed(allowed: readonly string[]): RequestHandler {
	return (req, res) => {
		res.set("allow", allowed.join(", "));
		throw new DakError("METHOD_NOT_ALLOWED", `${req.method} is not possible here; allowed: ${allowed.join(", ")}`);
	};
}

/** Express refuses a path that is not percent-encoded UTF-8 with an error of its own. */
function fromExpress(error: unknown): DakError {
	const { status, message } = error as { status?: unknown; message?: string };
	if (!(error instanceof DakError) && status === 400 && message?.startsWith("Failed to decode param")) {
		return new DakError("INVALID_REQUEST", "the path is not valid percent-encoded UTF-8");
	}
	return toDakError(error);
}

/** A client that leaves in the middle of an answer is nobody's fault. */
const wentAway = (thrown: unknown): boolean => (thrown as { code?: unknown } | null)?.code === "ERR_STREAM_PREMATURE_CLOSE";

function report(error: DakError, res: Response): void {
	const { log } = contextOf(res);
	if (error.row.http < 500 || error.reason === "DRAINING") log.debug({ reason: error.reason, detail: error.message }, "refused");
	else log.error({ reason: error.reason, err: error, cause: error.cause }, "failed");
}

/** Writes any thrown value in the shape of the matched route. An answer that has begun can only be broken off. */
export function problemErrors(): ErrorRequestHandler {
	return (thrown: unknown, req: Request, res: Response, _next: NextFunction) => {
		const error = fromExpress(thrown);
		if (res.destroyed && wentAway(thrown)) contextOf(res).log.debug("the client went away before the answer's end");
		else report(error, res);
		if (res.headersSent || res.destroyed) {
			res.destroy();
			return;
		}
		const { requestId, errorShape } = contextOf(res);
		const { status, contentType, body } = errorBody(errorShape, error, { instance: req.path, requestId });
		if (error.retryAfterMs !== undefined) res.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
		if (error.row.http === 401) res.set("www-authenticate", "Bearer");
		res.status(status).set("content-type", contentType);
		res.end(JSON.stringify(body));
	};
}
