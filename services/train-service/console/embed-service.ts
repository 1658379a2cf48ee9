/**
 * The console's way to embed-service. The page is of this service's origin, and stays so: its CSP lets it talk to nobody
 * else, and embed-service needs no CORS, which would let scripts of other pages in. One fixed address, a few fixed paths, and
 * the caller's own key: whoever may not ask embed-service may not ask it through here.
 */
import type { Config } from "@dak/shared/config";
import { DakError } from "@dak/shared/errors";
import type { Request } from "express";

const TIMEOUT_MS = 60_000;
/** Headers of embed-service's answer that the page may see. */
const PASSED_ON = ["content-type", "retry-after", "x-dak-adapter"];

/** Where embed-service is. Undefined where it has taken a free port that only it knows. */
export function embedUrl({ DAK_EMBED_URL, DAK_EMBED_PORT, DAK_HOST, DAK_TLS_CERT }: Config): string | undefined {
	if (DAK_EMBED_URL !== undefined) return DAK_EMBED_URL.replace(/\/+$/, "");
	if (DAK_EMBED_PORT === 0) return undefined;
	const host = DAK_HOST === "0.0.0.0" ? "127.0.0.1" : DAK_HOST === "::" ? "::1" : DAK_HOST;
	// Both services of a machine have one configuration, so embed-service speaks TLS where this one does.
	return `${DAK_TLS_CERT === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${DAK_EMBED_PORT}`;
}

export interface EmbedAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly text: string;
}

export class EmbedService {
	constructor(private readonly url: string | undefined) {}

	/** Asks with the caller's key. @throws UNAVAILABLE where it is not reached, DEADLINE_EXCEEDED where it takes too long */
	async ask(path: string, from: Request, signal: AbortSignal, body?: unknown): Promise<EmbedAnswer> {
		if (this.url === undefined) throw new DakError("UNAVAILABLE", "where embed-service is, is not known; set DAK_EMBED_URL");
		const timeout = AbortSignal.timeout(TIMEOUT_MS);
		try {
			const answer = await fetch(this.url + path, {
				...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
				headers: { ...keyOf(from), "content-type": "application/json" },
				redirect: "error",
				signal: AbortSignal.any([signal, timeout]),
			});
			const headers = PASSED_ON.flatMap((name): [string, string][] => {
				const value = answer.headers.get(name);
				return value === null ? [] : [[name, value]];
			});
			return { status: answer.status, headers: Object.fromEntries(headers), text: await answer.text() };
		} catch (cause) {
			if (signal.aborted) throw new DakError("CANCELLED", "the client went away", { cause });
			if (timeout.aborted) throw new DakError("DEADLINE_EXCEEDED", `embed-service has not answered for ${TIMEOUT_MS / 1000} s`, { cause });
			throw new DakError("UNAVAILABLE", "embed-service does not answer; is it running, and is DAK_EMBED_URL right?", { cause });
		}
	}
}

function keyOf(from: Request): Record<string, string> {
	const [authorization, apiKey] = [from.get("authorization"), from.get("x-api-key")];
	return { ...(authorization === undefined ? {} : { authorization }), ...(apiKey === undefined ? {} : { "x-api-key": apiKey }) };
}
