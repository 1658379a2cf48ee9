/** One file over HTTP: resumed where it broke off, checked by size and hash, in place only when whole. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { DakError } from "../errors/index.js";

export interface RemoteFile {
	/** Below the model's folder. */
	readonly path: string;
	readonly url: string;
	readonly bytes: number;
	/** Of a large file the SHA-256 of its content, of a small one the name that git gives it. */
	readonly hash: { readonly kind: "sha256" | "git"; readonly hex: string };
}

export interface DownloadOptions {
	readonly headers?: Readonly<Record<string, string>>;
	/** Called with each count of bytes that is there now and was not before. */
	readonly onBytes?: (bytes: number) => void;
	/** Before the next try; doubled each time. */
	readonly retryMs?: number;
}

const TRIES = 5;
/** A connection that carries nothing for this long is given up, and taken up again where it stood. */
const STALL_MS = 30_000;

/** @throws UNAVAILABLE if it breaks off time after time (what came is kept), MODEL_NOT_FOUND if it is refused, INVALID_MODEL if its content is not what was listed */
export async function downloadFile(file: RemoteFile, target: string, options: DownloadOptions = {}): Promise<void> {
	// Named by the hash: what was begun of an older version is never gone on with.
	const partial = `${target}.${file.hash.hex.slice(0, 16)}.partial`;
	if (existsSync(target)) {
		if (statSync(target).size === file.bytes && (await hashOf(target, file)) === file.hash.hex) return options.onBytes?.(file.bytes);
		rmSync(target);
	}
	options.onBytes?.(lengthOf(partial));
	for (let attempt = 1; lengthOf(partial) < file.bytes || !existsSync(partial); attempt++) {
		try {
			await fetchRest(file, partial, options);
		} catch (error) {
			if (error instanceof DakError) throw error;
			if (attempt >= TRIES)
				throw new DakError(
					"UNAVAILABLE",
					`${file.path}: broke off ${TRIES} times, ${lengthOf(partial)} of ${file.bytes} bytes are kept for the next try`,
					{ cause: error },
				);
			await pause((options.retryMs ?? 1000) * 2 ** (attempt - 1));
		}
	}
	await check(file, partial);
	renameSync(partial, target);
}

const lengthOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

async function check(file: RemoteFile, partial: string): Promise<void> {
	const found = lengthOf(partial) === file.bytes ? await hashOf(partial, file) : `none (${lengthOf(partial)} bytes)`;
	if (found === file.hash.hex) return;
	rmSync(partial);
	throw new DakError(
		"INVALID_MODEL",
		`${file.path}: what was fetched has the hash ${found}, the hub lists ${file.hash.hex} (${file.bytes} bytes)`,
	);
}

async function hashOf(path: string, { hash, bytes }: RemoteFile): Promise<string> {
	const sum: Hash = createHash(hash.kind === "git" ? "sha1" : "sha256");
	if (hash.kind === "git") sum.update(`blob ${bytes}\0`);
	for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) sum.update(piece as Buffer);
	return sum.digest("hex");
}

/** Appends what is missing. */
async function fetchRest(file: RemoteFile, partial: string, { headers = {}, onBytes = () => {} }: DownloadOptions): Promise<void> {
	const have = lengthOf(partial);
	const stalled = new AbortController();
	let timer = setTimeout(() => stalled.abort(), STALL_MS);
	try {
		// fetch() itself drops the authorization header where a redirect leads to another host.
		const range = have > 0 ? { range: `bytes=${have}-` } : {};
		const answer = await fetch(file.url, { headers: { ...headers, ...range, "accept-encoding": "identity" }, signal: stalled.signal });
		const from = startOf(answer, have, file);
		if (from < have) onBytes(-have);
		const meter = counted(file, from, (bytes) => {
			timer.refresh();
			onBytes(bytes);
		});
		timer = timer.refresh();
		await pipeline(Readable.fromWeb(answer.body as never), meter, createWriteStream(partial, { flags: from > 0 ? "a" : "w" }));
	} finally {
		clearTimeout(timer);
	}
}

/** Where the answer begins: at what is there already, or at 0 from a server that knows no ranges. */
function startOf(answer: Response, have: number, { path, bytes }: RemoteFile): number {
	if (answer.status === 206) {
		const from = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1];
		if (Number(from) === have) return have;
		throw new Error(`the server sent the range ${answer.headers.get("content-range")}, asked for was ${have}-${bytes - 1}`);
	}
	if (answer.status === 200) return 0;
	void answer.body?.cancel();
	if (answer.status >= 500 || answer.status === 429) throw new Error(`the server answered ${answer.status}`);
	throw new DakError("MODEL_NOT_FOUND", `${path}: the hub answered ${answer.status}`);
}

/** Passes bytes on, and refuses more of them than were listed. */
function counted(file: RemoteFile, from: number, onBytes: (bytes: number) => void): Transform {
	let total = from;
	return new Transform({
		transform(chunk: Buffer, _, done) {
			total += chunk.length;
			if (total > file.bytes)
				return done(new DakError("INVALID_MODEL", `${file.path}: more than the ${file.bytes} bytes that the hub lists`));
			onBytes(chunk.length);
			done(null, chunk);
		},
	});
}
