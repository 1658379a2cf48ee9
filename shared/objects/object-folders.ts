/**
 * Folders in an S3-compatible store. A folder's files are objects below a key of this upload's own; what makes them a folder is one
 * index object, written last, with each file's size and SHA-256: a folder is seen whole or not at all, and what does not come back
 * as it was put in is told.
 *
 *     <prefix>/index/<name>.json                {"format": 1, "upload": "…", "files": [{"path", "bytes", "sha256"}]}
 *     <prefix>/<name>/<upload>/<path>
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
	DeleteObjectCommand,
	GetObjectCommand,
	type GetObjectCommandOutput,
	ListObjectsV2Command,
	PutObjectCommand,
	S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { z } from "zod";
import { jailedPath } from "../adapters/jailed-path.js";
import { DakError } from "../errors/index.js";
import { isMissing, isTaken, storeError } from "./errors.js";
import type { FolderFile, SharedFolders } from "./types.js";

const indexSchema = z.object({
	format: z.literal(1),
	upload: z.string().min(1).max(100),
	files: z
		.array(z.object({ path: z.string().min(1).max(1000), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }))
		.max(10_000),
});
type Index = z.output<typeof indexSchema>;
type IndexedFile = Index["files"][number];

const MIB = 2 ** 20;
/** Larger files go in parts, each checked and tried again by itself. */
const PART_BYTES = 8 * MIB;
const AT_A_TIME = 4;
/** A folder may be replaced while it is read; then it is begun anew. */
const FETCHES = 3;
const MAX_KEY = 900;

export interface ObjectPlace {
	readonly bucket: string;
	/** Without slashes at its ends. */
	readonly prefix: string;
}

/** The store that the usual AWS_ variables say: region, endpoint, credentials. */
export function openObjectFolders(place: ObjectPlace): ObjectFolders {
	const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 = AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = process.env;
	const client = new S3Client({
		...(AWS_ENDPOINT_URL_S3 === undefined ? {} : { endpoint: AWS_ENDPOINT_URL_S3 }),
		region: AWS_REGION ?? AWS_DEFAULT_REGION ?? "us-east-1",
		// Another server than Amazon's rarely has a host name for each bucket.
		forcePathStyle: AWS_ENDPOINT_URL_S3 !== undefined,
		maxAttempts: 5,
		// Each object carries its own SHA-256; older servers refuse the checksums that are added by default.
		requestChecksumCalculation: "WHEN_REQUIRED",
		responseChecksumValidation: "WHEN_REQUIRED",
		requestHandler: { connectionTimeout: 5000, requestTimeout: 60_000 },
	});
	return new ObjectFolders(client, place);
}

export class ObjectFolders implements SharedFolders {
	constructor(
		private readonly client: S3Client,
		private readonly place: ObjectPlace,
		/** Keys that the store is asked for at a time. */
		private readonly pageKeys = 1000,
	) {}

	put(name: string, files: readonly FolderFile[], { ifAbsent = false } = {}): Promise<boolean> {
		return this.#told(`${name} could not be kept`, async () => {
			const before = ifAbsent ? undefined : await this.#index(name);
			const upload = randomUUID();
			try {
				const kept = await inTurns(files, AT_A_TIME, (each) => this.#upload(this.#dataKey(name, upload, each.path), each));
				const body = JSON.stringify({ format: 1, upload, files: kept } satisfies Index);
				await this.#send(
					new PutObjectCommand({
						...this.#at(this.#indexKey(name)),
						Body: body,
						ContentType: "application/json",
						...(ifAbsent ? { IfNoneMatch: "*" } : {}),
					}),
				);
			} catch (error) {
				// As far as it can be: what is left is never seen.
				await this.#removeBelow(`${this.#key(name)}/${upload}/`).catch(() => {});
				if (ifAbsent && isTaken(error)) return false;
				throw error;
			}
			if (before) await this.#removeBelow(`${this.#key(name)}/${before.upload}/`).catch(() => {});
			return true;
		});
	}

	fetch(name: string, folder: string): Promise<boolean> {
		return this.#told(`${name} could not be fetched`, async () => {
			for (let attempt = 1; ; attempt++) {
				const index = await this.#index(name);
				if (!index) return false;
				try {
					await this.#fetchAll(name, index, folder);
					return true;
				} catch (error) {
					if (attempt === FETCHES || !(isMissing(error) || error instanceof Damaged)) throw error;
				}
			}
		});
	}

	readFile(name: string, path: string): Promise<Buffer | undefined> {
		return this.#told(`${name}/${path} could not be read`, async () => {
			const index = await this.#index(name);
			const file = index?.files.find((each) => each.path === path);
			if (!index || !file) return undefined;
			const body = Buffer.from(await (await this.#get(this.#dataKey(name, index.upload, path))).Body!.transformToByteArray());
			check(name, file, body.length, createHash("sha256").update(body).digest("hex"));
			return body;
		});
	}

	list(under: string): Promise<string[]> {
		return this.#told(`what is below ${under} could not be listed`, async () => {
			const prefix = `${this.#key(`index/${under}`)}/`;
			const keys = await this.#keys(prefix);
			return keys.flatMap((key) => (key.endsWith(".json") ? [key.slice(prefix.length, -".json".length)] : [])).sort();
		});
	}

	/** Its index goes first: from then on nothing of it can be seen. */
	remove(name: string): Promise<void> {
		return this.#told(`${name} could not be removed`, async () => {
			await this.#send(new DeleteObjectCommand(this.#at(this.#indexKey(name))));
			await this.#removeBelow(`${this.#key(name)}/`);
		});
	}

	async #upload(key: string, { path, file }: FolderFile): Promise<IndexedFile> {
		const { size } = statSync(file);
		if (size <= PART_BYTES) {
			const body = await readFile(file);
			const hash = createHash("sha256").update(body).digest();
			await this.#send(new PutObjectCommand({ ...this.#at(key), Body: body, ChecksumSHA256: hash.toString("base64") }));
			return { path, bytes: body.length, sha256: hash.toString("hex") };
		}
		const hash = createHash("sha256");
		let bytes = 0;
		const counted = new Transform({
			transform(chunk: Buffer, _, done) {
				hash.update(chunk);
				bytes += chunk.length;
				done(null, chunk);
			},
		});
		const body = createReadStream(file);
		body.on("error", (error) => counted.destroy(error));
		const params = { ...this.#at(key), Body: body.pipe(counted), ChecksumAlgorithm: "SHA256" as const };
		await new Upload({ client: this.client, params, partSize: PART_BYTES, queueSize: AT_A_TIME }).done();
		return { path, bytes, sha256: hash.digest("hex") };
	}

	async #fetchAll(name: string, index: Index, folder: string): Promise<void> {
		mkdirSync(dirname(folder), { recursive: true });
		const fetching = join(dirname(folder), `.fetching-${basename(folder)}-${randomUUID()}`);
		mkdirSync(fetching);
		try {
			await inTurns(index.files, AT_A_TIME, async (file) => {
				const target = jailedPath(fetching, file.path);
				mkdirSync(dirname(target), { recursive: true });
				await this.#download(name, index.upload, file, target);
			});
			renameSync(fetching, folder);
		} catch (error) {
			rmSync(fetching, { recursive: true, force: true });
			// Another process of this machine was faster, with the same.
			if (!["ENOTEMPTY", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
		}
	}

	async #download(name: string, upload: string, file: IndexedFile, target: string): Promise<void> {
		const hash = createHash("sha256");
		let bytes = 0;
		const counted = new Transform({
			transform(chunk: Buffer, _, done) {
				hash.update(chunk);
				bytes += chunk.length;
				// No more is taken in than was put there.
				done(bytes > file.bytes ? new Damaged(`${name}/${file.path} is longer than ${file.bytes} bytes`) : null, chunk);
			},
		});
		const { Body } = await this.#get(this.#dataKey(name, upload, file.path));
		await pipeline(Body as Readable, counted, createWriteStream(target, { flush: true }));
		check(name, file, bytes, hash.digest("hex"));
	}

	async #index(name: string): Promise<Index | undefined> {
		if (this.#indexKey(name).length > MAX_KEY) return undefined;
		try {
			const { Body } = await this.#get(this.#indexKey(name));
			return indexSchema.parse(JSON.parse(await Body!.transformToString()));
		} catch (error) {
			if (isMissing(error)) return undefined;
			throw error;
		}
	}

	async #keys(prefix: string): Promise<string[]> {
		const keys: string[] = [];
		let token: string | undefined;
		do {
			const { bucket } = this.place;
			const page = await this.client.send(
				new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token, MaxKeys: this.pageKeys }),
			);
			keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
			token = page.NextContinuationToken;
		} while (token !== undefined);
		return keys;
	}

	/** One by one: deleting many at once is not the same everywhere. */
	async #removeBelow(prefix: string): Promise<void> {
		await inTurns(await this.#keys(prefix), AT_A_TIME, (key) => this.#send(new DeleteObjectCommand(this.#at(key))));
	}

	#get(key: string): Promise<GetObjectCommandOutput> {
		return this.client.send(new GetObjectCommand(this.#at(key)));
	}

	async #send(command: PutObjectCommand | DeleteObjectCommand): Promise<void> {
		await this.client.send(command as PutObjectCommand);
	}

	/** An error says what was wanted, and of which bucket. */
	async #told<T>(what: string, work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			throw storeError(`s3://${this.place.bucket}: ${what}`, error);
		}
	}

	#at(key: string) {
		return { Bucket: this.place.bucket, Key: key };
	}

	#key(rest: string): string {
		return this.place.prefix === "" ? rest : `${this.place.prefix}/${rest}`;
	}

	#indexKey(name: string): string {
		return this.#key(`index/${name}.json`);
	}

	#dataKey(name: string, upload: string, path: string): string {
		return this.#key(`${name}/${upload}/${path}`);
	}
}

/** An object that is not what was put there. */
class Damaged extends DakError {
	constructor(message: string) {
		super("STORAGE_FAILED", message);
	}
}

function check(name: string, { path, bytes, sha256 }: IndexedFile, foundBytes: number, found: string): void {
	if (foundBytes !== bytes) throw new Damaged(`${name}/${path} has ${foundBytes} bytes, its index says ${bytes}`);
	if (found !== sha256) throw new Damaged(`${name}/${path} has the SHA-256 ${found}, its index says ${sha256}`);
}

/** The work's values in the order of the items, so many at a time. After a failure none is begun, and none goes on when it is told. */
async function inTurns<T, R>(items: readonly T[], atATime: number, work: (item: T) => Promise<R>): Promise<R[]> {
	const results: R[] = new Array(items.length);
	const turns = items.entries();
	let failed = false;
	const one = async () => {
		for (const [i, item] of turns) {
			if (failed) return;
			try {
				results[i] = await work(item);
			} catch (error) {
				failed = true;
				throw error;
			}
		}
	};
	const outcomes = await Promise.allSettled(Array.from({ length: Math.min(atATime, items.length) }, one));
	for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
	return results;
}
