/**
 * A certificate, its key and the authority of clients, from files that are read again when they change. A pair that does not fit
 * (a renewal caught half written) is not taken: the last good one stays in force until the files are right.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { DakError } from "../errors/index.js";
import type { Logger } from "../observability/index.js";

export interface TlsOptions {
	/** PEM: the server's certificate, then those between it and its authority. */
	readonly certificate: string;
	/** PEM, unencrypted. */
	readonly key: string;
	/** PEM of the authorities whose clients are let in; undefined: clients need no certificate. */
	readonly clientAuthority?: string | undefined;
}

export interface TlsVariables {
	readonly DAK_TLS_CERT?: string | undefined;
	readonly DAK_TLS_KEY?: string | undefined;
	readonly DAK_TLS_CLIENT_CA?: string | undefined;
}

/** Secrets are mounted as links that are swapped, which announces no change of the file: so they are looked at. */
const POLL_MS = 5000;

type Listener = (context: SecureContextOptions) => void;

export class TlsFiles {
	readonly #listeners = new Set<Listener>();
	readonly #timer: NodeJS.Timeout;
	#context: SecureContextOptions;
	#seen: string;

	/** Reads the files once and then every `pollMs`. @throws UNAVAILABLE naming the file or what does not fit */
	constructor(
		private readonly options: TlsOptions,
		private readonly logger: Logger,
		pollMs = POLL_MS,
	) {
		const { context, hash } = this.#read();
		this.#context = context;
		this.#seen = hash;
		this.#timer = setInterval(() => this.reload(), pollMs);
		this.#timer.unref();
	}

	/** What the configuration asks for; undefined: no TLS. @throws UNAVAILABLE as the constructor */
	static of({ DAK_TLS_CERT, DAK_TLS_KEY, DAK_TLS_CLIENT_CA }: TlsVariables, logger: Logger): TlsFiles | undefined {
		if (DAK_TLS_CERT === undefined || DAK_TLS_KEY === undefined) return undefined;
		return new TlsFiles({ certificate: DAK_TLS_CERT, key: DAK_TLS_KEY, clientAuthority: DAK_TLS_CLIENT_CA }, logger);
	}

	/** Whether clients have to show a certificate. */
	get mutual(): boolean {
		return this.options.clientAuthority !== undefined;
	}

	/** What is in force. */
	get context(): SecureContextOptions {
		return this.#context;
	}

	/** Hears each new pair; returns what ends that. */
	onChange(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => void this.#listeners.delete(listener);
	}

	/** Looks at the files now. */
	reload(): void {
		try {
			const { context, hash } = this.#read();
			if (hash === this.#seen) return;
			this.#seen = hash;
			this.#context = context;
			for (const listener of this.#listeners) listener(context);
			this.logger.info({ certificate: this.options.certificate }, "the certificate was read again");
		} catch (error) {
			this.logger.error(
				{ reason: "UNAVAILABLE", detail: (error as Error).message },
				"the changed certificate is not taken; the last one stays",
			);
		}
	}

	close(): void {
		clearInterval(this.#timer);
		this.#listeners.clear();
	}

	#read(): { readonly context: SecureContextOptions; readonly hash: string } {
		const { certificate, key, clientAuthority } = this.options;
		const context: SecureContextOptions = {
			cert: fileAt("DAK_TLS_CERT", certificate),
			key: fileAt("DAK_TLS_KEY", key),
			...(clientAuthority !== undefined && { ca: fileAt("DAK_TLS_CLIENT_CA", clientAuthority) }),
			minVersion: "TLSv1.2",
		};
		const hash = createHash("sha256");
		for (const part of [context.cert, context.key, context.ca]) hash.update(createHash("sha256").update(String(part)).digest());
		const digest = hash.digest("hex");
		// OpenSSL's words name neither key nor path, so both are said here; the key's content is in none of them.
		try {
			createSecureContext(context);
		} catch (cause) {
			throw new DakError("UNAVAILABLE", `${certificate} and ${key} make no TLS context: ${(cause as Error).message}`);
		}
		return { context, hash: digest };
	}
}

function fileAt(variable: string, path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (cause) {
		throw new DakError("UNAVAILABLE", `${variable}: ${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}`);
	}
}
