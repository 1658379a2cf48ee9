import { setTimeout as sleep } from "node:timers/promises";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { DakError } from "../errors/index.js";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { EmbedService, type JobEvent, JobState, TrainService } from "../proto/index.js";
import {
	ApiKeys,
	addHealth,
	addProtoService,
	addReflection,
	createGrpcClient,
	type GrpcClientOptions,
	HealthStatus,
	type ServiceHandlers,
} from "./index.js";
import { startGrpc } from "./testing/servers.js";

type Train = ServiceHandlers<typeof TrainService>;
type Embed = ServiceHandlers<typeof EmbedService>;

async function train(handlers: Partial<Train>, { keys, ...options }: { keys?: ApiKeys } & GrpcClientOptions = {}) {
	const server = await startGrpc((grpc, common) => {
		addProtoService(grpc, TrainService, handlers as Train, { ...common, scopes: { createJob: "submit" } });
	}, keys);
	const client = createGrpcClient(TrainService, server.address, options);
	onTestFinished(() => client.close());
	return { ...server, client };
}

async function embed(handlers: Partial<Embed>) {
	const server = await startGrpc((grpc, common) => addProtoService(grpc, EmbedService, handlers as Embed, common));
	const client = createGrpcClient(EmbedService, server.address);
	onTestFinished(() => client.close());
	return { ...server, client };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
}

async function failureOf(promise: Promise<unknown>): Promise<DakError> {
	const error = await promise.then(
		() => undefined,
		(thrown: unknown) => thrown,
	);
	expect(error).toBeInstanceOf(DakError);
	return error as DakError;
}

describe("a unary call", () => {
	it("carries messages both ways", async () => {
		const { client } = await train({ getJob: ({ id }) => ({ id, state: JobState.QUEUED, spec: { baseModel: "m" } }) });
		expect(await client.getJob({ id: "j1" })).toMatchObject({ id: "j1", state: JobState.QUEUED, spec: { baseModel: "m" } });
	});

	it("brings an error's reason, message, fields, details and delay to the client", async () => {
		const sent = new DakError("OVERLOADED", "9 wäiting; allowed: 8", {
			fields: [{ pointer: "/lora/r", detail: "found 0" }],
			details: { limit: 8 },
			retryAfterMs: 2500,
		});
		const { client } = await train({
			getJob() {
				throw sent;
			},
		});
		const error = await failureOf(client.getJob({ id: "x" }));
		expect(error).toMatchObject({
			reason: sent.reason,
			message: sent.message,
			fields: sent.fields,
			retryAfterMs: 2500,
			details: { limit: "8" },
		});
	});

	it("ends with the status code of the reason for clients that read nothing else", async () => {
		const { address } = await train({
			getJob() {
				throw new DakError("JOB_NOT_FOUND", "no job x");
			},
		});
		const raw = new Client(address, credentials.createInsecure());
		onTestFinished(() => raw.close());
		const error = await new Promise<unknown>((resolve) =>
			raw.makeUnaryRequest(
				"/dak.v1.TrainService/GetJob",
				(b: Buffer) => b,
				(b) => b,
				Buffer.alloc(0),
				resolve,
			),
		);
		expect(error).toMatchObject({ code: status.NOT_FOUND, details: "no job x" });
	});

	it("keeps the text of an unforeseen error to itself", async () => {
		const { client } = await train({
			getJob() {
				throw new Error("password is hunter2");
			},
		});
		const error = await failureOf(client.getJob({ id: "x" }));
		expect(error.reason).toBe("INTERNAL");
		expect(error.message).not.toContain("hunter2");
	});

	it("delivers an error with hundreds of long fields within the size that trailers may have", async () => {
		const fields = Array.from({ length: 500 }, (_, i) => ({ pointer: `/dataset/texts/${i}`, detail: "é".repeat(1000) }));
		const { client } = await train({
			createJob() {
				throw new DakError("INVALID_REQUEST", "x".repeat(50_000), { fields });
			},
		});
		const error = await failureOf(client.createJob({}));
		expect(error.reason).toBe("INVALID_REQUEST");
		expect(error.fields[0]?.pointer).toBe("/dataset/texts/0");
	});

	it.each([
		["cut off", Buffer.from([0x0a, 0x20, 0x41])],
		["not UTF-8", Buffer.from([0x0a, 0x02, 0xff, 0xfe])],
	])("refuses a message that is %s as malformed", async (_, bytes) => {
		const { address } = await train({ getJob: () => ({}) });
		const raw = new Client(address, credentials.createInsecure());
		onTestFinished(() => raw.close());
		const error = await new Promise<unknown>((resolve) =>
			raw.makeUnaryRequest(
				"/dak.v1.TrainService/GetJob",
				(b: Buffer) => b,
				(b) => b,
				bytes,
				resolve,
			),
		);
		expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
	});

	it("refuses a message over the limit and lives on", async () => {
		const { client } = await train({ createJob: () => ({ id: "1" }) });
		const error = await failureOf(client.createJob({ idempotencyKey: "k".repeat(100_000) }));
		expect(error.reason).toBe("PAYLOAD_TOO_LARGE");
		expect((await client.createJob({})).id).toBe("1");
	});

	it("stops waiting at its deadline and tells the handler", async () => {
		let aborted: (() => void) | undefined;
		const told = new Promise<void>((resolve) => {
			aborted = resolve;
		});
		const { client } = await train({
			async getJob(_, { signal }) {
				signal.addEventListener("abort", () => aborted?.());
				await told;
				return {};
			},
		});
		expect((await failureOf(client.getJob({ id: "x" }, { timeoutMs: 100 }))).reason).toBe("DEADLINE_EXCEEDED");
		await told;
	});

	it("can be cancelled by a signal", async () => {
		const { client } = await train({ getJob: async () => sleep(5000, {}, { ref: false }) });
		const abort = new AbortController();
		const call = client.getJob({ id: "x" }, { signal: abort.signal });
		setTimeout(() => abort.abort(), 50);
		expect((await failureOf(call)).reason).toBe("CANCELLED");
	});

	it("asks for keys on scoped methods only", async () => {
		const keys = ApiKeys.parse("submit:s,embed:e");
		const handlers = { createJob: () => ({ id: "1" }), getJob: () => ({ id: "2" }) };
		const reasonWith = async (apiKey?: string) => {
			const { client } = await train(handlers, { keys, apiKey });
			expect((await client.getJob({})).id).toBe("2");
			return client.createJob({}).then(
				() => "ok",
				(error: DakError) => error.reason,
			);
		};
		expect(await reasonWith()).toBe("UNAUTHENTICATED");
		expect(await reasonWith("nope")).toBe("UNAUTHENTICATED");
		expect(await reasonWith("e")).toBe("PERMISSION_DENIED");
		expect(await reasonWith("s")).toBe("ok");
	});

	it("is counted by service, method and code", async () => {
		const { client, metrics } = await train({
			getJob({ id }) {
				if (id === "") throw new DakError("JOB_NOT_FOUND", "none");
				return { id };
			},
		});
		await client.getJob({ id: "1" });
		await failureOf(client.getJob({}));
		const text = await metrics.registry.metrics();
		expect(text).toContain('dak_grpc_request_seconds_count{service="dak.v1.TrainService",method="GetJob",code="OK"} 1');
		expect(text).toContain('dak_grpc_request_seconds_count{service="dak.v1.TrainService",method="GetJob",code="NOT_FOUND"} 1');
		expect(text).toContain("dak_grpc_requests_in_flight 0");
	});

	it("to where nobody listens fails as unavailable", async () => {
		const client = createGrpcClient(TrainService, "127.0.0.1:1");
		onTestFinished(() => client.close());
		expect((await failureOf(client.getJob({}))).reason).toBe("UNAVAILABLE");
	});
});

describe("a server stream", () => {
	it("brings its messages in order and then its error", async () => {
		const { client } = await train({
			async *watchJob() {
				for (let i = 1n; i <= 3n; i++) yield { sequence: i };
				throw new DakError("TRAINING_FAILED", "loss is NaN");
			},
		});
		const seen: JobEvent[] = [];
		const reading = (async () => {
			for await (const event of client.watchJob({ id: "x" })) seen.push(event);
		})();
		expect((await failureOf(reading)).reason).toBe("TRAINING_FAILED");
		expect(seen.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n]);
	});

	it("makes no more messages than a slow client takes", async () => {
		let made = 0;
		const { client } = await train({
			async *watchJob() {
				for (; made < 5000; made++) yield { event: { case: "log", value: { level: "info", message: "x".repeat(10_000) } } };
			},
		});
		const stream = client.watchJob({ id: "x" })[Symbol.asyncIterator]();
		await stream.next();
		await sleep(300);
		expect(made).toBeLessThan(1000);
		await stream.return?.();
	});

	it("ends its handler when the client leaves the loop", async () => {
		let ended: (() => void) | undefined;
		const told = new Promise<void>((resolve) => {
			ended = resolve;
		});
		const { client } = await train({
			async *watchJob(_, { signal }) {
				signal.addEventListener("abort", () => ended?.());
				for (let i = 0; ; i++) {
					yield { sequence: BigInt(i) };
					await sleep(5);
				}
			},
		});
		for await (const event of client.watchJob({ id: "x" })) if (event.sequence > 3n) break;
		await told;
	});
});

describe("a bidirectional stream", () => {
	it("answers while it is still being fed", async () => {
		const { client } = await embed({
			async *embedStream(requests) {
				for await (const { inputs } of requests) yield { embeddings: inputs.map((text) => ({ values: [text.length] })) };
			},
		});
		const answers: number[] = [];
		let next: ((value: number) => void) | undefined;
		async function* requests() {
			for (let n = 1; n <= 3; n++) {
				yield { inputs: ["a".repeat(n)] };
				expect(await new Promise<number>((resolve) => (next = resolve))).toBe(n);
			}
		}
		for await (const { embeddings } of client.embedStream(requests())) {
			answers.push(embeddings[0]!.values[0]!);
			next?.(answers.length);
		}
		expect(answers).toEqual([1, 2, 3]);
	});

	it("ends with the error that its handler throws", async () => {
		const { client } = await embed({
			// biome-ignore lint/correctness/useYield: it fails before it answers
			async *embedStream() {
				throw new DakError("ADAPTER_NOT_FOUND", 'no adapter "x"');
			},
		});
		async function* forever() {
			for (;;) {
				yield { inputs: ["a"] };
				await sleep(5);
			}
		}
		expect((await failureOf(collect(client.embedStream(forever())))).reason).toBe("ADAPTER_NOT_FOUND");
	});

	it("ends with the error that its source throws", async () => {
		const { client } = await embed({
			async *embedStream(requests) {
				for await (const _ of requests) yield {};
			},
		});
		async function* source() {
			yield { inputs: ["a"] };
			throw new Error("file gone");
		}
		await expect(collect(client.embedStream(source()))).rejects.toThrow("file gone");
	});
});

describe("health", () => {
	it("answers, watches changes, and does not know other services", async () => {
		const health = new HealthStatus(["dak.v1.TrainService"]);
		const { address } = await startGrpc((server, common) => addHealth(server, health, common), ApiKeys.parse("admin:a"));
		const client = createGrpcClient(Health, address);
		onTestFinished(() => client.close());
		expect((await client.check({})).status).toBe(Serving.NOT_SERVING);
		expect((await failureOf(client.check({ service: "nope" }))).row.grpc).toBe("NOT_FOUND");
		const seen: Serving[] = [];
		for await (const { status: now } of client.watch({ service: "dak.v1.TrainService" })) {
			seen.push(now);
			if (seen.length === 3) break;
			health.setServing(now !== Serving.SERVING);
		}
		expect(seen).toEqual([Serving.NOT_SERVING, Serving.SERVING, Serving.NOT_SERVING]);
	});
});

describe.each([
	["v1", ServerReflection],
	["v1alpha", ServerReflectionAlpha],
])("reflection %s", (_, service) => {
	async function ask(messageRequest: unknown) {
		const { address } = await startGrpc((server, common) => {
			addProtoService(server, TrainService, {} as Train, common);
			addReflection(server, [TrainService], common);
		});
		const client = createGrpcClient(service as typeof ServerReflection, address);
		onTestFinished(() => client.close());
		async function* requests() {
			yield { messageRequest } as never;
		}
		const [answer] = await collect(client.serverReflectionInfo(requests()));
		return answer!.messageResponse;
	}

	it("lists the services", async () => {
		const answer = await ask({ case: "listServices", value: "" });
		expect(answer.value).toMatchObject({
			service: [
				{ name: "dak.v1.TrainService" },
				{ name: "grpc.reflection.v1.ServerReflection" },
				{ name: "grpc.reflection.v1alpha.ServerReflection" },
			],
		});
	});

	it.each(["dak.v1.TrainService", "dak.v1.TrainService.CreateJob", "dak.v1.Job", "dak.v1.Job.state", "dak.v1.JobState"])(
		"gives a complete set of files for %s",
		async (symbol) => {
			const answer = await ask({ case: "fileContainingSymbol", value: symbol });
			if (answer.case !== "fileDescriptorResponse") throw new Error(`got ${answer.case}`);
			const file = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
			const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
			expect(registry.getMessage("dak.v1.Job")?.fields.length).toBeGreaterThan(5);
		},
	);

	it("gives a file by its name, and says what it does not have", async () => {
		expect((await ask({ case: "fileByFilename", value: "dak/v1/job.proto" })).case).toBe("fileDescriptorResponse");
		expect(await ask({ case: "fileByFilename", value: "nope.proto" })).toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
		expect(await ask({ case: "fileContainingSymbol", value: "dak.v1.Nope" })).toMatchObject({ case: "errorResponse" });
	});
});

describe("draining", () => {
	it("finishes running calls and refuses new ones", async () => {
		const draining = new AbortController();
		let finish: (() => void) | undefined;
		let begin: (() => void) | undefined;
		const begun = new Promise<void>((resolve) => {
			begin = resolve;
		});
		const server = await startGrpc((grpc, common) => {
			const handlers: Partial<Train> = {
				async getJob() {
					begin?.();
					await new Promise<void>((resolve) => {
						finish = resolve;
					});
					return { id: "done" };
				},
			};
			addProtoService(grpc, TrainService, handlers as Train, { ...common, draining: draining.signal });
		});
		const client = createGrpcClient(TrainService, server.address);
		onTestFinished(() => client.close());
		const running = client.getJob({});
		await begun;
		draining.abort();
		expect((await failureOf(client.getJob({}))).reason).toBe("DRAINING");
		const drained = server.drain(5000);
		finish?.();
		expect((await running).id).toBe("done");
		await drained;
	});
});

it("metadata that a client invents is not taken as a request id", async () => {
	const { address } = await train({ getJob: (_, { requestId }) => ({ id: requestId }) });
	const raw = new Client(address, credentials.createInsecure());
	onTestFinished(() => raw.close());
	const metadata = new Metadata();
	metadata.set("x-request-id", "a b{c}");
	const headers = await new Promise<Metadata>((resolve) => {
		raw
			.makeUnaryRequest(
				"/dak.v1.TrainService/GetJob",
				(b: Buffer) => b,
				(b) => b,
				Buffer.alloc(0),
				metadata,
				() => {},
			)
			.on("metadata", resolve);
	});
	expect(headers.get("x-request-id")[0]).toMatch(/^[0-9a-f-]{36}$/);
});
