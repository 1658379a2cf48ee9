/**
 * API keys with scopes. `DAK_API_KEYS` is `scope[+scope]:key,...`; admin holds every scope, submit holds read. Only SHA-256 digests are kept, and a
 * presented key is compared with each of them in constant time. Without configured keys everything is open.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { DakError, invalidField } from "../errors/index.js";

/** `read`: jobs, datasets, reports and what DAK_OPEN closes; `submit`: jobs and uploads; `embed`: vectors; `admin`: everything. */
export const SCOPES = ["read", "submit", "embed", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

interface Entry {
	readonly digest: Buffer;
	readonly user: string;
	readonly scopes: ReadonlySet<Scope>;
}

/** Scopes that hold a scope beside itself. An embed key reads no jobs: their reports quote texts. */
const HELD_BY: Readonly<Record<Scope, readonly Scope[]>> = {
	read: ["submit", "admin"],
	submit: ["admin"],
	embed: ["admin"],
	admin: [],
};

/** Where a request may carry its key; both protocols spell the names alike. */
export interface PresentedKey {
	/** `Bearer KEY`. */
	readonly authorization?: string | undefined;
	/** The x-api-key header. */
	readonly apiKey?: string | undefined;
}

const digestOf = (key: string): Buffer => createHash("sha256").update(key, "utf8").digest();

function parseEntry(text: string, index: number): Entry {
	const at = text.indexOf(":");
	const key = at < 0 ? "" : text.slice(at + 1).trim();
	// The entry itself is a secret, so messages name its place only.
	const where = `DAK_API_KEYS entry ${index + 1}`;
	if (key === "") throw invalidField("/DAK_API_KEYS", `${where}: expected scope[+scope]:key`);
	const scopes = text.slice(0, at).split("+");
	const known = scopes.map((scope) => SCOPES.find((name) => name === scope.trim()));
	if (known.includes(undefined)) throw invalidField("/DAK_API_KEYS", `${where}: unknown scope; allowed: ${SCOPES.join(", ")}`);
	// A hash of the hash: what is stored with a job does not help to guess the key faster than the digest in memory would.
	const digest = digestOf(key);
	const user = createHash("sha256").update("user").update(digest).digest("hex").slice(0, 16);
	return { digest, user, scopes: new Set(known as Scope[]) };
}

function presentedKey({ authorization, apiKey }: PresentedKey): string | undefined {
	const bearer = /^bearer +(\S+)\s*$/i.exec(authorization ?? "")?.[1];
	return bearer ?? (apiKey || undefined);
}

export class ApiKeys {
	private constructor(private readonly entries: readonly Entry[]) {}

	/** Reads DAK_API_KEYS; undefined or empty opens everything. @throws INVALID_REQUEST naming the entry, never its text. */
	static parse(text: string | undefined): ApiKeys {
		const parts = (text ?? "").split(",").filter((part) => part.trim() !== "");
		return new ApiKeys(parts.map(parseEntry));
	}

	/** Whether keys are asked for at all. */
	get enabled(): boolean {
		return this.entries.length > 0;
	}

	/**
	 * Lets a request pass that holds `scope`.
	 * @returns who asks: a name that stands for the key and tells nothing of it; "" for everyone where no keys are asked for
	 * @throws UNAUTHENTICATED without a valid key, PERMISSION_DENIED without the scope
	 */
	authorize(presented: PresentedKey, scope: Scope): string {
		if (!this.enabled) return "";
		const key = presentedKey(presented);
		if (key === undefined) throw new DakError("UNAUTHENTICATED", "no API key; send Authorization: Bearer KEY or x-api-key");
		const entry = this.#find(digestOf(key));
		if (!entry) throw new DakError("UNAUTHENTICATED", "unknown API key");
		if ([scope, ...HELD_BY[scope]].some((held) => entry.scopes.has(held))) return entry.user;
		throw new DakError("PERMISSION_DENIED", `the API key holds ${[...entry.scopes].join("+")}; this needs ${scope}`);
	}

	#find(digest: Buffer): Entry | undefined {
		// Every entry is compared, so that the time taken does not tell which one matched.
		return this.entries.reduce<Entry | undefined>((hit, entry) => (timingSafeEqual(entry.digest, digest) ? entry : hit), undefined);
	}
}
