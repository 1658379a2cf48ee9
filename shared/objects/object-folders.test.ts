import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { S3ArtifactStore } from "../adapters/s3-store.js";
import { describeArtifactStore } from "../adapters/testing/artifact-store-conformance.js";
import { filesOf } from "./index.js";
import { ObjectFolders, openObjectFolders } from "./object-folders.js";
import { s3Python, TestS3 } from "./testing/s3-server.js";

const BUCKET = "dak";
const MIB = 2 ** 20;

describe.skipIf(!s3Python)("over a real S3 server", () => {
	let s3: TestS3;
	let scratch: string;
	let prefix: string;
	let folders: ObjectFolders;

	beforeAll(async () => {
		s3 = await TestS3.start(BUCKET);
		for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value);
	});
	afterAll(async () => {
		vi.unstubAllEnvs();
		await s3.stop();
	});
	beforeEach(() => {
		scratch = mkdtempSync(join(tmpdir(), "dak-objects-"));
		prefix = randomUUID();
		folders = openObjectFolders({ bucket: BUCKET, prefix });
	});
	afterEach(() => rmSync(scratch, { recursive: true, force: true }));

	/** A folder of files by their paths. */
	function folder(files: Record<string, string | Buffer>, name = "from"): string {
		const root = join(scratch, name);
		for (const [path, content] of Object.entries(files)) {
			mkdirSync(join(root, path, ".."), { recursive: true });
			writeFileSync(join(root, path), content);
		}
		return root;
	}
	const keys = async () =>
		((await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }))).Contents ?? []).map(({ Key }) => Key!);
	const fetched = (path: string) => readFileSync(join(scratch, "to", path));

	describeArtifactStore("An S3 bucket", () => {
		const root = mkdtempSync(join(tmpdir(), "dak-s3-store-"));
		const place = { bucket: BUCKET, prefix: randomUUID() };
		let opened = 0;
		const open = () => new S3ArtifactStore(openObjectFolders(place), join(root, String(opened++)));
		return { store: open(), other: open, dispose: () => rmSync(root, { recursive: true, force: true }) };
	});

	test("a folder comes back byte for byte, files of many parts and empty ones too", async () => {
		const large = randomBytes(20 * MIB + 123);
		const from = folder({ "a.txt": "a", "deep/er/b.bin": large, empty: "" });
		expect(await folders.put("things/one", filesOf(from))).toBe(true);
		expect(await folders.list("things")).toEqual(["one"]);
		expect(await folders.fetch("things/one", join(scratch, "to"))).toBe(true);
		expect(fetched("deep/er/b.bin").equals(large)).toBe(true);
		expect([String(fetched("a.txt")), String(fetched("empty"))]).toEqual(["a", ""]);
		expect(String(await folders.readFile("things/one", "a.txt"))).toBe("a");
		expect(await folders.readFile("things/one", "b")).toBeUndefined();
		expect(readdirSync(scratch).sort()).toEqual(["from", "to"]);
	});

	test("what cannot be put whole is not seen, and leaves nothing", async () => {
		const from = folder({ a: "a", b: "b" });
		const files = [...filesOf(from), { path: "gone", file: join(from, "gone") }];
		await expect(folders.put("things/one", files)).rejects.toMatchObject({ code: "ENOENT" });
		expect(await folders.list("things")).toEqual([]);
		expect(await folders.fetch("things/one", join(scratch, "to"))).toBe(false);
		await expect.poll(keys).toEqual([]);
	});

	test("of two that put the same name where there is none, one does", async () => {
		const from = filesOf(folder({ a: "a" }));
		const outcomes = await Promise.all([1, 2, 3].map(() => folders.put("things/one", from, { ifAbsent: true })));
		expect(outcomes.filter(Boolean)).toHaveLength(1);
		expect(await keys()).toHaveLength(2);
	});

	test("a folder that is put again takes the old one's place, and one that is removed is gone", async () => {
		await folders.put("things/one", filesOf(folder({ a: "1", b: "1" })));
		await folders.put("things/one", filesOf(folder({ a: "2" }, "again")));
		await folders.fetch("things/one", join(scratch, "to"));
		expect(readdirSync(join(scratch, "to"))).toEqual(["a"]);
		expect(await keys()).toHaveLength(2);
		await folders.remove("things/one");
		await folders.remove("things/one");
		expect(await keys()).toEqual([]);
	});

	test.each<[string, (content: Buffer) => Buffer, RegExp]>([
		[
			"one bit is not as it was",
			(content) => Buffer.from(content.map((byte, i) => (i === 7 ? byte ^ 4 : byte))),
			/a has the SHA-256 .*its index says/,
		],
		["the end is missing", (content) => content.subarray(0, 9), /a has 9 bytes, its index says 10/],
		["something was added", (content) => Buffer.concat([content, content]), /longer than 10 bytes/],
	])("a file is refused of which %s", async (_, change, message) => {
		await folders.put("things/one", filesOf(folder({ a: "0123456789" })));
		const key = (await keys()).find((each) => each.endsWith("/a"))!;
		const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
		const content = Buffer.from(await Body!.transformToByteArray());
		await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: change(content) }));
		const failure = { reason: "STORAGE_FAILED", message: expect.stringMatching(message) };
		await expect(folders.fetch("things/one", join(scratch, "to"))).rejects.toMatchObject(failure);
		if (!/longer/.test(message.source)) await expect(folders.readFile("things/one", "a")).rejects.toMatchObject(failure);
		expect(existsSync(join(scratch, "to"))).toBe(false);
		expect(readdirSync(scratch)).toEqual(["from"]);
	});

	test("an index cannot lead out of the folder", async () => {
		const index = { format: 1, upload: "u", files: [{ path: "../outside", bytes: 0, sha256: "0".repeat(64) }] };
		await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: `${prefix}/index/things/bad.json`, Body: JSON.stringify(index) }));
		await expect(folders.fetch("things/bad", join(scratch, "to"))).rejects.toMatchObject({ reason: "PERMISSION_DENIED" });
		expect(readdirSync(scratch)).toEqual([]);
	});

	test("more folders than a page of the store's are all listed", async () => {
		const small = new ObjectFolders(s3.client, { bucket: BUCKET, prefix }, 3);
		const names = ["a", "b", "c", "d", "e", "f", "g/h"];
		for (const name of names.toReversed()) await small.put(`many/${name}`, []);
		expect(await small.list("many")).toEqual(names);
	});

	test("a bucket that is not there is told, and a server that is away is something to try again", async () => {
		const elsewhere = openObjectFolders({ bucket: "no-such-bucket", prefix: "" });
		await expect(elsewhere.list("adapters")).rejects.toMatchObject({
			reason: "STORAGE_FAILED",
			message: expect.stringMatching(/s3:\/\/no-such-bucket: .*NoSuchBucket/),
		});
		vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
		const away = openObjectFolders({ bucket: BUCKET, prefix });
		vi.stubEnv("AWS_ENDPOINT_URL", s3.url);
		await expect(away.list("adapters")).rejects.toMatchObject({ reason: "UNAVAILABLE", message: expect.stringContaining("ECONNREFUSED") });
	});
});
