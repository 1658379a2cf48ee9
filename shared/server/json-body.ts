/** Reads a JSON body within a limit; every way it can be wrong has its own reason. */
import express, { type NextFunction, type Request, type RequestHandler, type Response } from "express";
import { DakError } from "../errors/index.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/i;

function checkMediaType(req: Request): void {
	const [type = "", ...parameters] = (req.headers["content-type"] ?? "").split(";").map((part) => part.trim());
	if (!JSON_TYPE.test(type)) {
		throw new DakError("UNSUPPORTED_MEDIA_TYPE", `content-type is ${type ? `"${type}"` : "missing"}; allowed: application/json`);
	}
	const charset = parameters.map((part) => /^charset="?([^"]*)"?$/i.exec(part)?.[1]).find((name) => name !== undefined);
	if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
		throw new DakError("UNSUPPORTED_MEDIA_TYPE", `charset is "${charset}"; allowed: utf-8`);
	}
}

function hasBody(req: Request): boolean {
	return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
}

function decode(bytes: Buffer): unknown {
	let text: string;
	try {
		text = utf8.decode(bytes);
	} catch {
		throw new DakError("MALFORMED_BODY", "the body is not valid UTF-8");
	}
	if (text.trim() === "") return undefined;
	try {
		return JSON.parse(text);
	} catch (error) {
		const why = error instanceof Error ? error.message.slice(0, 200) : "";
		throw new DakError("MALFORMED_BODY", `the body is not valid JSON: ${why}`);
	}
}

/** What body-parser found wrong, in our terms. */
function translate(error: unknown, maxBodyBytes: number): unknown {
	const { type, length } = error as { type?: string; length?: number };
	switch (type) {
		case "entity.too.large": {
			const found = length === undefined ? "longer" : `${length} bytes`;
			return new DakError("PAYLOAD_TOO_LARGE", `the body is ${found}; allowed: ${maxBodyBytes} bytes`, {
				details: { limit_bytes: maxBodyBytes },
			});
		}
		case "encoding.unsupported":
			return new DakError("UNSUPPORTED_MEDIA_TYPE", "unknown content-encoding; allowed: identity, gzip, deflate, br");
		case "request.aborted":
			return new DakError("CANCELLED", "the client went away while sending the body");
		default:
			return typeof type === "string" || (error as { code?: string }).code?.startsWith("Z_")
				? new DakError("MALFORMED_BODY", "the body could not be read as its headers describe it", { cause: error })
				: error;
	}
}

/**
 * Puts the parsed body into `req.body`; undefined where there is none.
 * @throws UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE (also for what inflates beyond the limit), MALFORMED_BODY
 */
export function jsonBody(maxBodyBytes: number): RequestHandler {
	const raw = express.raw({ type: () => true, limit: maxBodyBytes });
	return (req: Request, res: Response, next: NextFunction) => {
		if (!hasBody(req)) {
			req.body = undefined;
			return next();
		}
		checkMediaType(req);
		raw(req, res, (error?: unknown) => {
			if (error) return next(translate(error, maxBodyBytes));
			try {
				req.body = decode(req.body as Buffer);
			} catch (failure) {
				return next(failure);
			}
			next();
		});
	};
}
