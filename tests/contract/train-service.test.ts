/** train-service over both protocols: the same functions, the same reasons. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fromJson } from "@bufbuild/protobuf";
import type { DakError } from "@dak/shared/errors";
import { JobSpecSchema, JobState, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
	collect,
	jobWith,
	launchService,
	type SseEvent,
	startService,
	TEXTS,
	type TestService,
} from "../../services/train-service/testing/index.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../shared/gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../shared/gen/grpc/reflection/v1/reflection_pb.js";
import { BAD_JOBS, type JobCase } from "./train-service.cases.js";

/** Base models of which one works: the others are what a stranger may have put there. */
function modelsWithBroken(folder: string): string {
	const real = join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2");
	mkdirSync(folder);
	symlinkSync(real, join(folder, "all-MiniLM-L6-v2"));
	const weights = readFileSync(join(real, "model.safetensors"));
	for (const [name, bytes] of [
		["truncated", weights.subarray(0, 1_000_000)],
		["mislabelled", Buffer.from("PK\x03\x04 a pickle in a zip")],
	] as const) {
		mkdirSync(join(folder, name));
		writeFileSync(join(folder, name, "config.json"), readFileSync(join(real, "config.json")));
		writeFileSync(join(folder, name, "model.safetensors"), bytes);
	}
	return folder;
}

function fillDataRoot(folder: string): void {
	writeFileSync(join(folder, "binary.txt"), new Uint8Array([1, 2, 0, 3, 255]));
	writeFileSync(join(folder, "latin1.txt"), Buffer.from("caf\xe9 noir\nth\xe9 vert\n", "latin1"));
	writeFileSync(join(folder, "empty.txt"), "");
	writeFileSync(join(folder, "table.csv"), "title,price\nred hat,3\nblue hat,4\n");
	symlinkSync("/etc/passwd", join(folder, "link.txt"));
}

/** A REST job as the message that says the same. */
function specOf(job: Record<string, unknown>) {
	const { dataset, ...rest } = JSON.parse(JSON.stringify(job)) as { dataset?: { texts?: string[] } };
	const wire = dataset?.texts ? { texts: { values: dataset.texts } } : dataset;
	return fromJson(JobSpecSchema, { ...rest, ...(wire && { dataset: wire }) } as never);
}

const rejection = (work: Promise<unknown>): Promise<DakError> =>
	work.then(
		() => expect.unreachable("the call was taken"),
		(error) => error as DakError,
	);

function expectRefusal({ reason, pointer, says }: JobCase, found: { reason: unknown; message: string; pointers: unknown[] }): void {
	expect(found.reason, found.message).toBe(reason);
	if (pointer !== undefined) expect(found.pointers).toContain(pointer);
	for (const part of says)
		expect(found.message).toMatch(part instanceof RegExp ? part : new RegExp(part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")));
}

let service: TestService;
beforeAll(async () => {
	const folder = mkdtempSync(join(tmpdir(), "dak-contract-"));
	// Higher than any rank that a case asks for: the base's own size is what refuses.
	const environment = { DAK_MODELS_DIR: modelsWithBroken(join(folder, "models")), DAK_MAX_LORA_RANK: "1024" };
	service = await launchService(join(folder, "data"), environment);
	fillDataRoot(service.config.dataRoot);
	return async () => {
		await service.stop();
		rmSync(folder, { recursive: true });
	};
});

const datasetFolders = () => readdirSync(join(service.config.dataDir, "datasets"));

async function problemOf(response: Response) {
	expect(response.headers.get("content-type")).toBe("application/problem+json");
	const problem = (await response.json()) as { reason: string; detail: string; status: number; errors: { pointer: string }[] };
	expect(problem.status).toBe(response.status);
	return {
		status: response.status,
		reason: problem.reason,
		message: problem.detail,
		pointers: problem.errors.map(({ pointer }) => pointer),
	};
}

describe("a bad job is refused for the same reason by REST and gRPC, and nothing is left of it:", () => {
	test.each(BAD_JOBS.map((badJob) => [badJob.name, badJob] as const))("%s", async (_, badJob) => {
		const before = datasetFolders();
		const job = jobWith(badJob.change);
		expectRefusal(badJob, await problemOf(await service.submit(job)));
		if (!badJob.restOnly) {
			const error = await rejection(service.grpc.createJob({ spec: specOf(job) }));
			expectRefusal(badJob, { reason: error.reason, message: error.message, pointers: error.fields.map(({ pointer }) => pointer) });
		}
		expect((await service.grpc.listJobs({})).jobs).toEqual([]);
		expect(datasetFolders()).toEqual(before);
	});
});

type Body = NonNullable<RequestInit["body"]>;

const upload = (query: string, body: Body, type?: string) =>
	fetch(`${service.url}/v1/datasets${query}`, { method: "POST", body, ...(type && { headers: { "content-type": type } }) });

function form(...files: (readonly [field: string, content: string | Uint8Array<ArrayBuffer>, name: string])[]): FormData {
	const data = new FormData();
	for (const [field, content, name] of files) data.append(field, new Blob([content]), name);
	return data;
}

const MULTIPART = "multipart/form-data; boundary=x";
const PART = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nred hat\nblue hat\n';

describe("an upload", () => {
	const table = "id,title\n1,red hat\n2,blue hat\n3,red hat\n";

	test.each<[name: string, query: string, body: () => Body, type: string | undefined]>([
		["a form with a table", "?text_column=title", () => form(["file", table, "a.csv"]), undefined],
		["a form with a gzipped table", "?text_column=title", () => form(["file", gzipSync(table), "../../a.csv.gz"]), undefined],
		["a body by its type", "?text_column=title", () => table, "text/csv"],
		["a body by its name", "?text_column=title&filename=a.csv.gz", () => gzipSync(table), "application/octet-stream"],
		["plain text", "", () => "red hat\nblue hat\nred hat\n", "text/plain; charset=utf-8"],
		["JSON lines", "", () => '{"text":"red hat"}\n{"text":"blue hat"}\n{"text":"red hat"}\n', "application/x-ndjson"],
	])("as %s is read, kept and described", async (_, query, body, type) => {
		const response = await upload(query, body(), type);
		expect(response.status, await response.clone().text()).toBe(201);
		const dataset = (await response.json()) as { id: string };
		expect(dataset).toMatchObject({ statistics: { texts: 2, duplicates_removed: 1 } });
		expect(response.headers.get("location")).toBe(`/v1/datasets/${dataset.id}`);
		expect(await (await fetch(`${service.url}/v1/datasets/${dataset.id}`)).json()).toEqual(dataset);
		expect(readdirSync(join(service.config.dataDir, "datasets", dataset.id))).toHaveLength(1);
	});

	const png = new Uint8Array([137, 80, 78, 71, 0, 1]);
	const large = "red hat\n".repeat(10_000);
	test.each<[name: string, query: string, body: () => Body, type: string | undefined, status: number, reason: string]>([
		["without a file", "", () => form(["other", "a", "a.txt"]), undefined, 400, "EMPTY_INPUT"],
		["that is empty", "", () => "", "text/plain", 422, "INVALID_DATASET"],
		["of one line", "", () => "red hat\n", "text/plain", 422, "INVALID_DATASET"],
		["that is binary", "", () => form(["file", png, "a.txt"]), undefined, 422, "INVALID_DATASET"],
		["with damaged gzip", "", () => gzipSync(table).subarray(0, 30), "application/gzip", 422, "INVALID_DATASET"],
		["with the wrong column", "?text_column=x", () => form(["file", table, "a.csv"]), undefined, 422, "INVALID_DATASET"],
		["of a line over the limit", "", () => "a".repeat(10_000), "text/plain", 422, "INVALID_DATASET"],
		["over the limit", "", () => large, "text/plain", 413, "PAYLOAD_TOO_LARGE"],
		["in a form over the limit", "", () => form(["file", large, "a.txt"]), undefined, 413, "PAYLOAD_TOO_LARGE"],
		["of another type", "", () => "{}", "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"],
		["with an unknown parameter", "?colunm=a", () => "a\nb\n", "text/plain", 422, "INVALID_REQUEST"],
		["in a form without a boundary", "", () => "a", "multipart/form-data", 400, "MALFORMED_BODY"],
		["in a form that ends early", "", () => PART, MULTIPART, 400, "MALFORMED_BODY"],
		["in a form that is none", "", () => "abc", MULTIPART, 400, "MALFORMED_BODY"],
	])("%s is refused and leaves nothing", async (_, query, body, type, status, reason) => {
		const before = datasetFolders();
		expect(await problemOf(await upload(query, body(), type))).toMatchObject({ status, reason });
		expect(datasetFolders()).toEqual(before);
	});

	test.each(["text/plain", MULTIPART])("(%s) that its client breaks off leaves nothing", async (type) => {
		const before = datasetFolders();
		const { port } = new URL(service.url);
		const sent = request({ port, path: "/v1/datasets", method: "POST", headers: { "content-type": type, "content-length": "50000" } });
		sent.on("error", () => {});
		sent.write(PART);
		await expect.poll(() => datasetFolders().length).toBe(before.length + 1);
		sent.destroy();
		await expect.poll(datasetFolders).toEqual(before);
	});
});

describe("bodies and addresses that are wrong in themselves", () => {
	const post = (path: string, body: Body, type = "application/json") =>
		fetch(`${service.url}${path}`, { method: "POST", body, headers: { "content-type": type } });
	const long = JSON.stringify(jobWith({ dataset: { texts: ["a".repeat(300_000)] } }));

	test.each([
		["invalid JSON", () => post("/v1/jobs", "{"), 400, "MALFORMED_BODY"],
		["invalid UTF-8", () => post("/v1/jobs", Buffer.from('{"base_model": "caf\xe9"}', "latin1")), 400, "MALFORMED_BODY"],
		["no JSON object", () => post("/v1/jobs", "[]"), 422, "INVALID_REQUEST"],
		["a body over the limit", () => post("/v1/jobs", long), 413, "PAYLOAD_TOO_LARGE"],
		["another media type", () => post("/v1/jobs", "a=b", "application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE"],
		["an unknown job", () => fetch(`${service.url}/v1/jobs/job_x`), 404, "JOB_NOT_FOUND"],
		["events of an unknown job", () => fetch(`${service.url}/v1/jobs/job_x/events`), 404, "JOB_NOT_FOUND"],
		["an unknown job to cancel", () => post("/v1/jobs/job_x:cancel", ""), 404, "JOB_NOT_FOUND"],
		["the report of an unknown job", () => fetch(`${service.url}/v1/jobs/job_x/report`), 404, "JOB_NOT_FOUND"],
		["an unknown dataset", () => fetch(`${service.url}/v1/datasets/ds_x`), 404, "DATASET_NOT_FOUND"],
		["an unknown state", () => fetch(`${service.url}/v1/jobs?state=done`), 422, "INVALID_REQUEST"],
		["a page size over the limit", () => fetch(`${service.url}/v1/jobs?page_size=201`), 422, "INVALID_REQUEST"],
		["a page token that is none", () => fetch(`${service.url}/v1/jobs?page_token=x`), 422, "INVALID_REQUEST"],
		["a key that is too long", () => service.submit(jobWith(), { "idempotency-key": "k".repeat(300) }), 422, "INVALID_REQUEST"],
		["an estimate of a bad job", () => post("/v1/jobs:estimate", JSON.stringify(jobWith({ lora: { r: 0 } }))), 422, "INVALID_REQUEST"],
		["an unknown job to pause", () => post("/v1/jobs/job_x:pause", ""), 404, "JOB_NOT_FOUND"],
	])("%s", async (_, send, status, reason) => {
		expect(await problemOf(await send())).toMatchObject({ status, reason });
	});

	test.each([
		["an unknown job", () => service.grpc.getJob({ id: "job_x" }), "JOB_NOT_FOUND"],
		["an unknown job to cancel", () => service.grpc.cancelJob({ id: "job_x" }), "JOB_NOT_FOUND"],
		["an unknown job to watch", () => collect(service.grpc.watchJob({ id: "job_x" })), "JOB_NOT_FOUND"],
		["the report of an unknown job", () => service.grpc.getReport({ id: "job_x" }), "JOB_NOT_FOUND"],
		["an unknown state", () => service.grpc.listJobs({ state: 77 as JobState }), "INVALID_REQUEST"],
		["a page size over the limit", () => service.grpc.listJobs({ pageSize: 201 }), "INVALID_REQUEST"],
		["a page token that is none", () => service.grpc.listJobs({ pageToken: "x" }), "INVALID_REQUEST"],
		["no spec", () => service.grpc.createJob({}), "INVALID_REQUEST"],
		["an estimate of nothing", () => service.grpc.estimateJob({}), "INVALID_REQUEST"],
		["an unknown job to pause", () => service.grpc.pauseJob({ id: "job_x" }), "JOB_NOT_FOUND"],
	])("%s (gRPC)", async (_, call, reason) => {
		expect((await rejection(call())).reason).toBe(reason);
	});
});

describe("a job", () => {
	const job = jobWith({ adapter_name: "contract", lora: { r: 8, target_modules: ["query", "value"] }, objective: { anchor: 0 } });

	test("sent by gRPC gets the settings that REST gives it", async () => {
		const rest = await service.create(job);
		const grpc = await service.grpc.createJob({ spec: specOf(job) });
		const both = [await service.get(rest.id), await service.get(grpc.id)].map(({ spec: { dataset: _, ...spec } }) => spec);
		expect(both[1]).toEqual(both[0]);
		expect(both[0]).toMatchObject({ objective: { tsdae: 1, anchor: 0 }, training: { batch_size: 32 } });
		expect(grpc.spec).toEqual(specOf((await service.get(grpc.id)).spec));
		for (const { id } of [rest, grpc]) await service.until(id, "succeeded");
	});

	test("with a key is made once by both protocols", async () => {
		const first = await service.create(job, { "idempotency-key": "once" });
		const again = await service.submit(job, { "idempotency-key": "once" });
		expect([again.status, again.headers.get("location")]).toEqual([202, `/v1/jobs/${first.id}`]);
		expect((await service.grpc.createJob({ spec: specOf(job), idempotencyKey: "once" })).id).toBe(first.id);
		const other = await problemOf(await service.submit(jobWith(), { "idempotency-key": "once" }));
		expect(other).toMatchObject({ status: 409, reason: "IDEMPOTENCY_CONFLICT" });
		await service.until(first.id, "succeeded");
	});

	test("is made once for a key that comes twice at the same time", async () => {
		const before = datasetFolders().length;
		const [a, b] = await Promise.all([1, 2].map(() => service.create(jobWith(), { "idempotency-key": "twice" })));
		expect(a!.id).toBe(b!.id);
		expect(datasetFolders()).toHaveLength(before + 1);
		await service.until(a!.id, "succeeded");
	});

	test("runs over an upload, and over a file below the data root", async () => {
		const { id: uploaded } = (await (await upload("", TEXTS.join("\n"), "text/plain")).json()) as { id: string };
		for (const more of [{ dataset: { upload: uploaded } }, { dataset: { path: "table.csv" }, text_column: "title" }]) {
			const { id } = await service.create(jobWith(more));
			expect((await service.until(id, "succeeded", "failed")).state).toBe("succeeded");
		}
	});

	test("never shows its labels, and refuses an evaluation without any", async () => {
		const evaluation = {
			queries: [{ query: "hat", relevant: ["red hat"] }],
			pairs: [{ sentence1: "hat", sentence2: "cap", score: 0 }],
			categories: [{ text: "hat", category: "clothes" }],
		};
		const overGrpc = await service.grpc.createJob({ spec: specOf(jobWith({ evaluation })) });
		expect((await service.until(overGrpc.id, "succeeded")).state).toBe("succeeded");
		const none = await problemOf(await service.submit(jobWith({ evaluation: { corpus: ["hat"] } })));
		expect(none).toMatchObject({ status: 422, reason: "INVALID_REQUEST" });
		const { id } = await service.create(jobWith({ evaluation }));
		expect((await service.until(id, "succeeded")).spec).not.toHaveProperty("evaluation");
		expect((await service.grpc.getJob({ id })).spec!.evaluation).toBeUndefined();
	});

	test("gives its report and files, and nothing outside its folder", async () => {
		const { id } = await service.create(job);
		const at = `${service.url}/v1/jobs/${id}`;
		expect(await problemOf(await fetch(`${at}/report`))).toMatchObject({ status: 404, reason: "ARTIFACT_NOT_FOUND" });
		const { adapter_path } = await service.until(id, "succeeded");
		const report = { verdict: "unverified", summary: "made up" };
		expect(await (await fetch(`${at}/report`)).json()).toEqual(report);
		expect((await service.grpc.getReport({ id })).report).toEqual(report);
		for (const [query, accept] of [
			["", "text/html,application/xhtml+xml,*/*;q=0.8"],
			["?format=html", "application/json"],
		] as const) {
			const page = await fetch(`${at}/report${query}`, { headers: { accept } });
			expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
			expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
			expect(await page.text()).toContain("made up");
		}
		expect((await fetch(`${at}/report?format=json`, { headers: { accept: "text/html" } })).headers.get("content-type")).toMatch(/json/);
		expect(await problemOf(await fetch(`${at}/report?format=pdf`))).toMatchObject({ status: 422, reason: "INVALID_REQUEST" });
		const { files } = (await (await fetch(`${at}/artifacts`)).json()) as { files: { path: string; bytes: number }[] };
		expect(files.map(({ path }) => path)).toContain("1_Pooling/config.json");
		for (const { path, bytes } of files) expect((await (await fetch(`${at}/artifacts/${path}`)).arrayBuffer()).byteLength).toBe(bytes);
		expect((await fetch(`${at}/artifacts/manifest.json`)).headers.get("content-type")).toMatch(/^application\/json/);
		symlinkSync(join(service.config.dataDir, "jobs.db"), join(service.config.artifactsDir, adapter_path!, "link.bin"));
		for (const path of ["..%2F..%2F..%2F..%2Fjobs.db", "%2Fetc%2Fpasswd", "link.bin", "a%00b"])
			expect(await problemOf(await fetch(`${at}/artifacts/${path}`))).toMatchObject({ status: 403, reason: "PERMISSION_DENIED" });
		expect(await problemOf(await fetch(`${at}/artifacts/1_Pooling`))).toMatchObject({ status: 404, reason: "ARTIFACT_NOT_FOUND" });
	});

	test("is resumed by both protocols after a cancel, and refused by both once it has succeeded", async () => {
		const { id } = await service.create(jobWith({ training: { max_steps: 100 } }));
		const cancel = async () => {
			await service.until(id, "training");
			await service.cancel(id);
			await service.until(id, "cancelled");
		};
		await cancel();
		const response = await fetch(`${service.url}/v1/jobs/${id}:resume`, { method: "POST" });
		expect(response.status).toBe(202);
		expect(await response.json()).toMatchObject({ id, restarts: 1 });
		await cancel();
		expect(await service.grpc.resumeJob({ id })).toMatchObject({ id, restarts: 2 });
		expect((await service.until(id, "succeeded", "failed")).state).toBe("succeeded");
		const refused = await problemOf(await fetch(`${service.url}/v1/jobs/${id}:resume`, { method: "POST" }));
		expect(refused).toMatchObject({ status: 409, reason: "STATE_CONFLICT" });
		expect((await rejection(service.grpc.resumeJob({ id }))).reason).toBe("STATE_CONFLICT");
		expect(await problemOf(await fetch(`${service.url}/v1/jobs/job_0:resume`, { method: "POST" }))).toMatchObject({ status: 404 });
	});

	test("is on the same pages of both protocols", async () => {
		const response = await fetch(`${service.url}/v1/jobs?state=succeeded&page_size=2`);
		const rest = (await response.json()) as { jobs: { id: string }[]; next_page_token: string };
		const grpc = await service.grpc.listJobs({ state: JobState.SUCCEEDED, pageSize: 2 });
		expect(grpc.jobs.map(({ id }) => id)).toEqual(rest.jobs.map(({ id }) => id));
		expect(grpc.nextPageToken).toBe(rest.next_page_token);
		expect(rest.jobs).toHaveLength(2);
	});
});

describe("an estimate", () => {
	const ask = (job: unknown) =>
		fetch(`${service.url}/v1/jobs:estimate`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(job),
		});

	test("is the same by both protocols, and leaves nothing", async () => {
		const before = datasetFolders();
		const response = await ask(jobWith());
		expect(response.status).toBe(200);
		const rest = (await response.json()) as Record<string, number>;
		const grpc = await service.grpc.estimateJob({ spec: specOf(jobWith()) });
		expect(rest).toMatchObject({ device: "cpu", fits: true, total_bytes: 64 * 2 ** 20, what_would_fit: [] });
		for (const part of ["weights", "optimizer", "activations", "logits", "embeddings", "process", "total", "available"])
			expect(Number(grpc[`${part}Bytes` as "totalBytes"]), part).toBe(rest[`${part}_bytes`]);
		expect(grpc).toMatchObject({ device: "cpu", fits: true, seconds: rest.seconds, phase: rest.phase });
		expect(datasetFolders()).toEqual(before);
	});

	test("of a job that does not fit says what would; its submission is refused for the same reason by both protocols", async () => {
		const small = await startService(undefined, { DAK_TRAIN_MEMORY: "64" });
		const job = jobWith({ training: { batch_size: 100 } });
		const { whatWouldFit } = await small.grpc.estimateJob({ spec: specOf(job) });
		expect(whatWouldFit[0]).toMatchObject({ batchSize: 32, gradientAccumulation: 4 });
		expect(await problemOf(await small.submit(job))).toMatchObject({
			status: 422,
			reason: "INSUFFICIENT_MEMORY",
			pointers: ["/training/batch_size"],
		});
		expect((await rejection(small.grpc.createJob({ spec: specOf(job) }))).reason).toBe("INSUFFICIENT_MEMORY");
	});
});

describe("two users", () => {
	test("take turns, by their API keys", async () => {
		const shared = await startService(undefined, { DAK_API_KEYS: "submit:one,submit:two" });
		const key = (name: string) => ({ "x-api-key": name });
		const submit = async (name: string, adapter: string) =>
			((await (await shared.submit(jobWith({ adapter_name: adapter, training: { max_steps: 1 } }), key(name))).json()) as { id: string })
				.id;
		const ids = [await submit("one", "a-1"), await submit("one", "a-2"), await submit("one", "a-3"), await submit("two", "b-1")];
		const jobs = async () =>
			(
				(await (await fetch(`${shared.url}/v1/jobs`, { headers: key("one") })).json()) as {
					jobs: { id: string; state: string; started_at: string }[];
				}
			).jobs;
		await expect.poll(async () => (await jobs()).every(({ state }) => state === "succeeded"), { timeout: 40_000 }).toBe(true);
		const started = (await jobs()).sort((a, b) => (a.started_at < b.started_at ? -1 : 1)).map(({ id }) => id);
		expect(started.indexOf(ids[3]!)).toBeLessThan(started.indexOf(ids[2]!));
	});
});

async function* sequencesBySse(id: string, after: number): AsyncGenerator<number> {
	const leave = new AbortController();
	try {
		for await (const event of service.events(id, after, leave.signal)) yield event.id;
	} finally {
		leave.abort();
	}
}

async function* sequencesByGrpc(id: string, after: number): AsyncGenerator<number> {
	for await (const { sequence } of service.grpc.watchJob({ id, fromSequence: BigInt(after + 1) })) yield Number(sequence);
}

describe("a watcher", () => {
	test("that leaves and comes back, by either protocol, sees each event once", async () => {
		const { id } = await service.create(jobWith({ training: { max_steps: 60 } }));
		const seen: number[] = [];
		for (let turn = 0; ; turn++) {
			let read = 0;
			const watch = turn % 2 === 0 ? sequencesBySse : sequencesByGrpc;
			for await (const sequence of watch(id, seen.at(-1) ?? 0)) {
				seen.push(sequence);
				if (++read === 9) break;
			}
			if (read < 9) break;
		}
		expect(seen.length).toBeGreaterThan(60);
		expect(seen).toEqual(seen.map((_, i) => i + 1));
		expect((await service.get(id)).state).toBe("succeeded");
	});

	test("gets the same events by both protocols", async () => {
		const { id } = await service.create(jobWith());
		const [sse, grpc] = await Promise.all([collect(service.events(id)), collect(service.grpc.watchJob({ id }))]);
		expect(grpc.map(({ event }) => event.case)).toEqual(sse.map(({ event }) => event));
		const steps = (events: readonly SseEvent[]) =>
			events.filter(({ event }) => event === "progress").map(({ data }) => [data.step, data.loss]);
		expect(grpc.flatMap(({ event }) => (event.case === "progress" ? [[event.value.step, event.value.loss]] : []))).toEqual(steps(sse));
		expect(steps(sse)).toHaveLength(3);
	});

	test("with a bad Last-Event-ID is refused", async () => {
		const [newest] = (await service.grpc.listJobs({ pageSize: 1 })).jobs;
		const response = await fetch(`${service.url}/v1/jobs/${newest!.id}/events`, { headers: { "last-event-id": "many" } });
		expect(await problemOf(response)).toMatchObject({ status: 422, pointers: ["/Last-Event-ID"] });
	});
});

describe("the service", () => {
	test("answers probes, its description and its metrics", async () => {
		for (const path of ["/healthz", "/readyz", "/docs"]) expect((await fetch(`${service.url}${path}`)).status, path).toBe(200);
		const openapi = await (await fetch(`${service.url}/openapi.json`)).json();
		// What clients are generated from: a change of it has to be seen, and is taken over with `npm test -- -u`.
		await expect(JSON.stringify(openapi, null, 2)).toMatchFileSnapshot("../fixtures/openapi/train-service.json");
		const metrics = await (await fetch(`${service.url}/metrics`)).text();
		expect(metrics).toMatch(/^dak_train_jobs_total\{state="succeeded"\} [1-9]/m);
		for (const name of ["steps_total", "tokens_total", "sentences_total", "step_seconds_count"])
			expect(metrics).toMatch(new RegExp(`^dak_train_${name} [1-9]`, "m"));
		expect(metrics).toMatch(/^dak_train_queue_depth 0$/m);
		expect(metrics).toMatch(/^dak_train_memory_peak_bytes 200000000$/m);
		expect(metrics).toMatch(/^dak_train_loss NaN$/im);
	});

	test("tells gRPC clients its health and its methods", async () => {
		const health = createGrpcClient(Health, service.grpcAddress);
		const reflection = createGrpcClient(ServerReflection, service.grpcAddress);
		onTestFinished(() => {
			for (const client of [health, reflection]) client.close();
		});
		for (const name of ["", TrainService.typeName])
			expect((await health.check({ service: name })).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
		async function* ask() {
			yield { host: "", messageRequest: { case: "listServices" as const, value: "" } };
		}
		const [answer] = await collect(reflection.serverReflectionInfo(ask()));
		const listed = answer!.messageResponse.case === "listServicesResponse" ? answer!.messageResponse.value.service : [];
		expect(listed.map(({ name }) => name)).toContain(TrainService.typeName);
	});

	test("forgets a watcher that went away", async () => {
		const { id } = await service.create(jobWith({ training: { max_steps: 500 } }));
		const leave = new AbortController();
		const events = service.events(id, 0, leave.signal);
		await events.next();
		const open = async () => /^dak_http_requests_in_flight (\d+)/m.exec(await (await fetch(`${service.url}/metrics`)).text())![1];
		// The scrape itself is one.
		expect(await open()).toBe("2");
		leave.abort();
		await expect.poll(open).toBe("1");
		await service.cancel(id);
		await service.until(id, "cancelled");
	});

	test("asks for a key with the scope where keys are set", async () => {
		const locked = await startService(undefined, { DAK_API_KEYS: "submit:abc,embed:def" });
		expect(await problemOf(await locked.submit(jobWith()))).toMatchObject({ status: 401 });
		expect(await problemOf(await locked.submit(jobWith(), { authorization: "Bearer def" }))).toMatchObject({ status: 403 });
		expect((await locked.submit(jobWith(), { "x-api-key": "abc" })).status).toBe(202);
		expect((await rejection(locked.grpc.listJobs({}))).reason).toBe("UNAUTHENTICATED");
		expect((await fetch(`${locked.url}/readyz`)).status).toBe(200);
	});
});
