/**
 * Fuzzes gRPC below its client libraries: mutated messages in right frames, mutated frames, and mutated HTTP/2 as bytes. A call has
 * to end with a status that blames the client; a connection that is no HTTP/2 may end as it likes, and the service has to live on.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { create, type DescMessage, type DescMethod, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
	AdapterService,
	CreateJobRequestSchema,
	EmbedRequestSchema,
	EmbedService,
	EstimateJobRequestSchema,
	GetJobRequestSchema,
	type JobSpecSchema,
	ListJobsRequestSchema,
	LoadAdapterRequestSchema,
	SimilarityRequestSchema,
	TokenizeRequestSchema,
	TrainService,
	WatchJobRequestSchema,
} from "@dak/shared/proto";
import { Random } from "@dak/shared/random";
import type { Counts, FuzzOptions } from "./fuzz-files.js";
import { mutateBytes } from "./mutate.js";
import { startBoth } from "./services.js";

interface Seed {
	readonly service: "train" | "embed";
	readonly path: string;
	readonly message: Buffer;
}

function seed<D extends DescMessage>(service: Seed["service"], method: DescMethod, schema: D, init: MessageInitShape<D>): Seed {
	return { service, path: `/${method.parent.typeName}/${method.name}`, message: Buffer.from(toBinary(schema, create(schema, init))) };
}

const { method: train } = TrainService;
const { method: embed } = EmbedService;
const spec: MessageInitShape<typeof JobSpecSchema> = {
	baseModel: "small",
	dataset: { source: { case: "texts", value: { values: ["red hat", "blue hat for rain", "green wool scarf"] } } },
	adapterName: "fuzz",
	training: { maxSteps: 2, batchSize: 2 },
};

const SEEDS: readonly Seed[] = [
	seed("embed", embed.embed, EmbedRequestSchema, { inputs: ["red hat", "blue hat"], truncate: true, dimensions: 8 }),
	seed("embed", embed.embedStream, EmbedRequestSchema, { inputs: ["red hat"], adapters: ["nobody"] }),
	seed("embed", embed.similarity, SimilarityRequestSchema, { sourceSentence: "red hat", sentences: ["blue hat", "red scarf"] }),
	seed("embed", embed.tokenize, TokenizeRequestSchema, { inputs: ["red hat"] }),
	seed("embed", AdapterService.method.loadAdapter, LoadAdapterRequestSchema, { name: "a", source: { case: "path", value: "adapters/a" } }),
	seed("train", train.createJob, CreateJobRequestSchema, { spec, idempotencyKey: "k" }),
	seed("train", train.estimateJob, EstimateJobRequestSchema, { spec }),
	seed("train", train.getJob, GetJobRequestSchema, { id: "job_01m86z50bf3h7ge9vwr5" }),
	seed("train", train.listJobs, ListJobsRequestSchema, { pageSize: 5, pageToken: "x" }),
	seed("train", train.watchJob, WatchJobRequestSchema, { id: "job_01m86z50bf3h7ge9vwr5", fromSequence: 3n }),
];

function framed(message: Buffer): Buffer {
	const head = Buffer.alloc(5);
	head.writeUInt32BE(message.length, 1);
	return Buffer.concat([head, message]);
}

/** A status, or how the stream ended without one. */
function call(session: ClientHttp2Session, path: string, body: Buffer, hangMs: number): Promise<number | "reset" | "hang"> {
	return new Promise((resolve) => {
		const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
		const timer = setTimeout(() => {
			resolve("hang");
			stream.close();
		}, hangMs);
		const settle = (how: number | "reset") => {
			clearTimeout(timer);
			resolve(how);
		};
		const read = (headers: NodeJS.Dict<string | string[]>) => {
			if (headers["grpc-status"] !== undefined) settle(Number(headers["grpc-status"]));
		};
		stream.on("response", read).on("trailers", read);
		stream.on("error", () => settle("reset")).on("close", () => settle("reset"));
		stream.resume();
		stream.end(body);
	});
}

/** What a client sends first: preface, empty SETTINGS, and the head of a call in literal form. @source RFC 9113 3.4, RFC 7541 6.2.2 */
function http2Bytes(path: string, body: Buffer): Buffer {
	const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
		const head = Buffer.alloc(9);
		head.writeUIntBE(payload.length, 0, 3);
		head.writeUInt8(type, 3);
		head.writeUInt8(flags, 4);
		head.writeUInt32BE(stream, 5);
		return Buffer.concat([head, payload]);
	};
	const literal = (name: string, value: string) =>
		Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(Math.min(126, value.length)), Buffer.from(value.slice(0, 126))]);
	const fields = {
		":method": "POST",
		":scheme": "http",
		":path": path,
		":authority": "a",
		"content-type": "application/grpc",
		te: "trailers",
	};
	const block = Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
	const frames = [frame(4, 0, 0, Buffer.alloc(0)), frame(1, 4, 1, block), frame(0, 1, 1, body)];
	return Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ...frames]);
}

/** Sends bytes, hears what comes for a moment, and goes away. */
function shout(port: number, bytes: Buffer): Promise<void> {
	return new Promise((resolve) => {
		const socket = connectTcp(port, "127.0.0.1", () => socket.write(bytes));
		const timer = setTimeout(() => socket.destroy(), 30);
		socket.on("data", () => {}).on("error", () => {});
		socket.on("close", () => {
			clearTimeout(timer);
			resolve();
		});
	});
}

const UNKNOWN = 2;
const INTERNAL = 13;

export async function fuzzGrpc({ seed: number, cases, hangMs = 10_000, from = 0 }: FuzzOptions): Promise<Counts> {
	const counts: Counts = { target: "gRPC", seed: number, cases: 0, taken: 0, refused: 0, slowestMs: 0, faults: [] };
	const services = await startBoth();
	const ports = { train: services.train.grpcPort, embed: services.embed.grpcPort };
	const sessions = new Map<string, ClientHttp2Session>();
	const sessionOf = (service: Seed["service"]) => {
		let session = sessions.get(service);
		if (!session || session.closed || session.destroyed) {
			session = connect(`http://127.0.0.1:${ports[service]}`);
			session.on("error", () => {});
			sessions.set(service, session);
		}
		return session;
	};
	try {
		for (let index = from; index < from + cases; index++) {
			const random = Random.for(number, "gRPC", index);
			const { service, path, message } = SEEDS[random.below(SEEDS.length)]!;
			const kind = random.below(10);
			const began = performance.now();
			const fault = (what: string) => counts.faults.push({ index, kind: what === "hang" ? "hang" : "fault", what: `${path}: ${what}` });
			counts.cases++;
			if (kind === 0) {
				await shout(ports[service], mutateBytes(http2Bytes(path, framed(message)), random));
				counts.refused++;
			} else {
				const body = kind === 1 ? mutateBytes(framed(message), random) : framed(mutateBytes(message, random));
				const outcome = await call(sessionOf(service), path, body, hangMs);
				if (outcome === 0) counts.taken++;
				else if (outcome === "hang") fault("hang");
				// A frame that is none is refused by grpc-js itself, with INTERNAL as gRPC's documents ask for.
				else if (kind !== 1 && (outcome === "reset" || outcome === INTERNAL || outcome === UNKNOWN)) fault(`status ${outcome}`);
				else counts.refused++;
			}
			counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - began));
		}
		for (const good of [SEEDS[0]!, SEEDS[8]!]) {
			const outcome = await call(sessionOf(good.service), good.path, framed(Buffer.alloc(0)), hangMs);
			if (typeof outcome !== "number")
				counts.faults.push({ index: from + cases, kind: "crash", what: `${good.service} no longer answers: ${outcome}` });
		}
	} finally {
		for (const session of sessions.values()) session.destroy();
		await services.stop();
	}
	return counts;
}
