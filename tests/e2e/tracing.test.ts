/** One trace from a request over the queue and the training process to the adapter's hot load, heard by a real OTLP receiver. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedService } from "@dak/embed-service/service";
import { loadConfig } from "@dak/shared/config";
import { logFields } from "@dak/shared/observability";
import { EmbedService, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { startTrainService } from "@dak/train-service/service";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";

interface Span {
	readonly service: string;
	readonly name: string;
	readonly traceId: string;
	readonly spanId: string;
	readonly parentSpanId?: string;
	readonly attributes: Readonly<Record<string, unknown>>;
	readonly startTimeUnixNano: string;
	readonly endTimeUnixNano: string;
}

interface Attribute {
	readonly key: string;
	readonly value: Readonly<Record<string, unknown>>;
}

const valuesOf = (attributes: readonly Attribute[]) =>
	Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** OTLP/HTTP in its JSON form. @source opentelemetry-proto, ExportTraceServiceRequest */
function spansIn(body: string): Span[] {
	const { resourceSpans } = JSON.parse(body) as {
		resourceSpans: {
			resource: { attributes: Attribute[] };
			scopeSpans: { spans: (Omit<Span, "attributes"> & { attributes: Attribute[] })[] }[];
		}[];
	};
	return resourceSpans.flatMap(({ resource, scopeSpans }) =>
		scopeSpans.flatMap(({ spans }) =>
			spans.map((span) => ({
				...span,
				service: String(valuesOf(resource.attributes)["service.name"]),
				attributes: valuesOf(span.attributes),
			})),
		),
	);
}

const spans: Span[] = [];
const receiver = createServer((req, res) => {
	let body = "";
	req.on("data", (bytes: Buffer) => {
		body += String(bytes);
	});
	req.on("end", () => {
		if (req.url === "/v1/traces") spans.push(...spansIn(body));
		res.setHeader("content-type", "application/json").end("{}");
	});
});

const lines: Record<string, unknown>[] = [];
const logger = pino(
	{ level: "debug", mixin: logFields },
	{ write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
);

let folder: string;
let train: Awaited<ReturnType<typeof startTrainService>>;
let embed: Awaited<ReturnType<typeof startEmbedService>>;

beforeAll(async () => {
	await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
	const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
	// The training process reads its environment, as any OpenTelemetry program does.
	vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
	folder = mkdtempSync(join(tmpdir(), "dak-traces-"));
	writeSmallBase(join(folder, "models", "small"));
	const config = loadConfig({
		DAK_DATA_DIR: join(folder, "state"),
		DAK_MODELS_DIR: join(folder, "models"),
		DAK_BASE_MODEL: "small",
		DAK_TRAIN_PORT: "0",
		DAK_TRAIN_GRPC_PORT: "0",
		DAK_EMBED_PORT: "0",
		DAK_EMBED_GRPC_PORT: "0",
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
	});
	embed = await startEmbedService(config, { logger });
	train = await startTrainService(config, { logger });
});

afterAll(() => {
	vi.unstubAllEnvs();
	receiver.close();
	rmSync(folder, { recursive: true, force: true });
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";

test("a job's trace goes from its request to its adapter's load, and its lines of the log name request, job, adapter and trace", async () => {
	const url = `http://127.0.0.1:${train.restPort}`;
	const job = {
		base_model: "small",
		adapter_name: "traced",
		max_length: 16,
		training: { max_steps: 2, batch_size: 4 },
		dataset: { texts: SMALL_TEXTS },
	};
	const response = await fetch(`${url}/v1/jobs`, {
		method: "POST",
		headers: { "content-type": "application/json", traceparent: `00-${TRACE}-${CALLER}-01`, "x-request-id": "the-request" },
		body: JSON.stringify(job),
	});
	const { id } = (await response.json()) as { id: string };
	const embedding = createGrpcClient(EmbedService, `127.0.0.1:${embed.grpcPort}`);
	const jobs = createGrpcClient(TrainService, `127.0.0.1:${train.grpcPort}`);
	await vi.waitFor(() => embedding.embed({ inputs: ["red hat"], adapters: ["traced"] }), { timeout: 150_000, interval: 200 });
	await jobs.getJob({ id });
	embedding.close();
	jobs.close();
	await Promise.all([train.close(), embed.close()]);

	const ofTrace = spans.filter(({ traceId }) => traceId === TRACE);
	const named = (name: string) => ofTrace.find((span) => span.name === name)!;
	expect(ofTrace.map(({ service, name }) => `${service}: ${name}`).sort()).toEqual([
		"embed-service: adapter load",
		"train-service: POST",
		"train-service: job",
		"train-service: publish",
		"train-service: queue",
		"training-process: evaluating",
		"training-process: preparing",
		"training-process: training",
		"training-process: training process",
	]);
	const parents = Object.fromEntries(
		ofTrace.map(({ name, parentSpanId }) => [name, ofTrace.find(({ spanId }) => spanId === parentSpanId)?.name ?? parentSpanId]),
	);
	expect(parents).toEqual({
		POST: CALLER,
		queue: "POST",
		job: "POST",
		"training process": "job",
		preparing: "training process",
		training: "training process",
		evaluating: "training process",
		publish: "job",
		"adapter load": "job",
	});
	expect(named("POST").attributes).toMatchObject({ "http.route": "/v1/jobs", "http.response.status_code": 202, job_id: id });
	expect(named("job").attributes).toMatchObject({ job_id: id, adapter: "traced", state: "succeeded" });
	expect(named("adapter load").attributes).toMatchObject({ adapter: "traced", generation: 1 });
	for (const { startTimeUnixNano, endTimeUnixNano } of ofTrace)
		expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
	expect(spans.filter(({ name }) => name === "dak.v1.EmbedService/Embed").length).toBeGreaterThan(0);
	// What users sent stays out of traces.
	expect(JSON.stringify(spans)).not.toContain(SMALL_TEXTS[0]);

	expect(lines.find(({ msg, route }) => msg === "request" && route === "/v1/jobs")).toMatchObject({
		request_id: "the-request",
		job_id: id,
		trace_id: TRACE,
	});
	expect(lines.find(({ msg }) => msg === "job rests")).toMatchObject({ job_id: id, adapter: "traced", trace_id: TRACE });
	expect(lines.find(({ msg }) => msg === "job rests")).not.toHaveProperty("request_id");
	expect(lines.find(({ msg, adapter }) => msg === "adapter is served" && adapter === "traced")).toMatchObject({ generation: 1 });
}, 180_000);
