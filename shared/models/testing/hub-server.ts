/** A model hub on this machine: lists files with their hashes, sends ranges, and can be told to fail. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HubFile {
	readonly content: Buffer;
	/** Listed as a large file, by its SHA-256; otherwise by git's hash. */
	readonly large?: boolean;
	/** Another hash than the right one. */
	readonly listedHash?: string;
}

export class HubServer {
	/** `organisation/name` to its files. */
	readonly models = new Map<string, Record<string, HubFile>>();
	readonly datasets = new Map<string, Record<string, HubFile>>();
	/** What was asked for, in order. */
	readonly requests: { readonly path: string; readonly range: string | undefined; readonly authorization: string | undefined }[] = [];
	/** Large files are cut off after so many bytes, once for each entry. */
	readonly breakAfter: number[] = [];
	/** Only answers with this token. */
	token: string | undefined;
	/** Large files are sent by this other origin. */
	redirectTo: string | undefined;
	knowsRanges = true;
	readonly #server = createServer((request, response) => this.#answer(request, response));

	async start(): Promise<string> {
		await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((done) => this.#server.close(done));
	}

	/** Requests for a file's content. */
	fetchesOf(path: string) {
		return this.requests.filter((request) => request.path.endsWith(`/resolve/main/${path}`));
	}

	#answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
		const { pathname } = new URL(url, "http://hub");
		this.requests.push({ path: pathname, range: headers.range, authorization: headers.authorization });
		const [, kind, listed] = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/tree\/main$/.exec(pathname) ?? [];
		const [, data, id, path] = /^(\/datasets)?\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(pathname) ?? [];
		const repositories = kind === "datasets" || data !== undefined ? this.datasets : this.models;
		const files = repositories.get(listed ?? id ?? "");
		const file = path === undefined ? undefined : files?.[path];
		if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`) response.writeHead(401).end();
		else if (listed && files) this.#list(files, response);
		else if (!file) response.writeHead(404).end();
		else if (file.large && this.redirectTo) response.writeHead(302, { location: this.redirectTo + pathname }).end();
		else this.#send(file, headers.range, response);
	}

	#list(files: Readonly<Record<string, HubFile>>, response: ServerResponse): void {
		const entries = Object.entries(files).map(([path, { content, large, listedHash }]) => {
			const git = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
			const sha256 = createHash("sha256").update(content).digest("hex");
			const lfs = large ? { lfs: { oid: listedHash ?? sha256, size: content.length, pointerSize: 130 } } : {};
			return { type: "file", path, size: content.length, oid: large ? git : (listedHash ?? git), ...lfs };
		});
		response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(entries));
	}

	#send({ content, large }: HubFile, range: string | undefined, response: ServerResponse): void {
		const from = this.knowsRanges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
		const part = content.subarray(from);
		const contentRange = from > 0 ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {};
		response.writeHead(from > 0 ? 206 : 200, { "content-length": part.length, ...contentRange });
		const cut = large ? this.breakAfter.shift() : undefined;
		if (cut === undefined) response.end(part);
		else response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 200));
	}
}
