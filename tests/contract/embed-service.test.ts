/** embed-service over both protocols: the same vectors, the same reasons. */
import { DakError, REASONS } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import { teiType } from "@dak/shared/server";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { openTestModel } from "../../shared/nn/testing/base-model.js";
import { BAD_EMBEDS, BAD_LOADS, LIMITS } from "./embed-service.cases.js";
import { type EmbedTestService, launchEmbedService, publishTestAdapter, writeBrokenAdapters } from "./embed-service.setup.js";

const TEXTS = ["a red wool hat", "blue cap", "scarf with a pattern of small white dots"];

let base: BaseModel;
let service: EmbedTestService;
beforeAll(async () => {
	base = await openTestModel();
	const environment = {
		DAK_MAX_CLIENT_BATCH: `${LIMITS.texts}`,
		DAK_MAX_TEXT_BYTES: `${LIMITS.textBytes}`,
		DAK_MAX_BODY_BYTES: "200000",
		DAK_MAX_LORA_RANK: "16",
	};
	service = await launchEmbedService(environment, (root) => writeBrokenAdapters(root, base));
	publishTestAdapter(service, "hats", base, { seed: "hats", jobId: "job_hats" });
	await served("hats", 1);
});
afterAll(async () => {
	await service?.stop();
	base.weights.close();
});

const adaptersServed = async () =>
	(await service.adapters.listAdapters({})).adapters.map(({ name, generation }) => `${name}@${generation}`);

/** Waits until a generation of a name is served. */
const served = (name: string, generation: number) =>
	vi.waitFor(async () => expect(await adaptersServed()).toContain(`${name}@${generation}`), { timeout: 10_000 });

async function vectorsOf(response: Response): Promise<number[][]> {
	expect(response.status, await response.clone().text()).toBe(200);
	return (await response.json()) as number[][];
}

const failure = (work: Promise<unknown>): Promise<DakError> =>
	work.then(
		() => expect.unreachable("the call was taken"),
		(error) => error as DakError,
	);

const largestGap = (a: readonly number[], b: readonly number[]): number => {
	expect(a.length).toBe(b.length);
	return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
};

/** A REST body as the message that says the same. */
const messageOf = ({ inputs, adapter, prompt_name, ...rest }: Record<string, unknown>) => ({
	...(rest as { truncate?: boolean; normalize?: boolean; dimensions?: number }),
	inputs: inputs as string[],
	...(adapter === undefined ? {} : { adapters: [adapter].flat() as string[] }),
	...(prompt_name === undefined ? {} : { promptName: prompt_name as string }),
});

describe("a bad embed request is refused for the same reason by every protocol:", () => {
	test.each(BAD_EMBEDS.map((bad) => [bad.name, bad] as const))("%s", async (_, { body, reason, says, restOnly }) => {
		const response = await service.post("/embed", body);
		const { error, error_type } = (await response.json()) as { error: string; error_type: string };
		expect([response.status, error_type], error).toEqual([REASONS[reason].http, teiType(new DakError(reason, ""))]);
		for (const part of says) expect(error).toContain(part);
		if (restOnly) return;
		const refused = await failure(service.embed.embed(messageOf(body)));
		expect(refused.reason, refused.message).toBe(reason);
		for (const part of says) expect(refused.message).toContain(part);
	});
});

describe("an adapter that must not be served is refused for the same reason by every protocol:", () => {
	test.each(BAD_LOADS.map((bad) => [bad.name, bad] as const))("%s", async (_, { as = "strange", source, reason, says }) => {
		const before = await adaptersServed();
		const response = await service.post("/v1/adapters", { name: as, source });
		const problem = (await response.json()) as { reason: string; detail: string };
		expect(response.headers.get("content-type")).toBe("application/problem+json");
		expect([response.status, problem.reason], problem.detail).toEqual([REASONS[reason].http, reason]);
		const from = "path" in source ? { case: "path" as const, value: source.path } : { case: "jobId" as const, value: source.job_id };
		const refused = await failure(service.adapters.loadAdapter({ name: as, source: from }));
		expect(refused.reason, refused.message).toBe(reason);
		for (const part of says) {
			expect(problem.detail).toContain(part);
			expect(refused.message).toContain(part);
		}
		expect(await adaptersServed()).toEqual(before);
		await vectorsOf(await service.post("/embed", { inputs: TEXTS, adapter: "hats" }));
	});
});

describe("bodies that are wrong in themselves", () => {
	const send = (body: NonNullable<RequestInit["body"]>, type = "application/json") =>
		fetch(`${service.url}/embed`, { method: "POST", body, headers: { "content-type": type } });
	test.each([
		["invalid JSON", () => send('{"inputs": '), 400],
		["invalid UTF-8", () => send(Buffer.from('{"inputs": "caf\xe9"}', "latin1")), 400],
		["no object", () => send('"hat"'), 422],
		["a body over the limit", () => send(JSON.stringify({ inputs: "x".repeat(200_001) })), 413],
		["another media type", () => send("inputs=hat", "application/x-www-form-urlencoded"), 415],
	])("%s", async (_, sent, status) => {
		const response = await sent();
		const body = await response.json();
		expect([response.status, body]).toEqual([status, { error: expect.any(String), error_type: "Validation" }]);
	});
});

describe("an embed request", () => {
	test.each<[string, Record<string, unknown>]>([
		["of the base", {}],
		["with an adapter", { adapter: "hats" }],
		["with an adapter for some inputs", { adapter: ["hats", "", "hats"] }],
		["not normalised", { normalize: false }],
		["of some dimensions", { dimensions: 64, adapter: "hats" }],
		["cut to the model's length", { truncate: true, inputs: ["hat ".repeat(400)] }],
	])("%s gets the same vectors from REST and gRPC", async (_, options) => {
		const body = { inputs: TEXTS, ...options };
		const rest = await vectorsOf(await service.post("/embed", body));
		const { embeddings } = await service.embed.embed(messageOf(body));
		expect(embeddings).toHaveLength(rest.length);
		embeddings.forEach(({ values }, i) => {
			expect(largestGap(values, rest[i]!)).toBeLessThan(1e-6);
		});
	});

	test("gets unit vectors that an adapter changes, of its own texts only", async () => {
		const plain = await vectorsOf(await service.post("/embed", { inputs: TEXTS }));
		const mixed = await vectorsOf(await service.post("/", { inputs: TEXTS, adapter: ["", "hats", ""] }));
		expect(plain.map((vector) => Math.hypot(...vector))).toEqual(TEXTS.map(() => expect.closeTo(1, 5)));
		expect(largestGap(mixed[0]!, plain[0]!)).toBeLessThan(1e-5);
		expect(largestGap(mixed[1]!, plain[1]!)).toBeGreaterThan(1e-2);
	});

	test("is told which adapter made its vectors", async () => {
		const header = async (body: object) => (await service.post("/embed", { inputs: TEXTS, ...body })).headers.get("x-dak-adapter");
		expect(await header({})).toBe("base");
		expect(await header({ adapter: "hats" })).toBe("hats@1");
		expect(await header({ adapter: ["hats", "", "hats"] })).toBe("hats@1, base");
		expect((await service.embed.embed({ inputs: TEXTS, adapters: ["hats", "", "hats"] })).adapters).toEqual(["hats@1", "", "hats@1"]);
	});

	test("takes one text, and token ids in place of texts", async () => {
		const tokens = (await (await service.post("/tokenize", { inputs: TEXTS[0] })).json()) as { id: number }[][];
		const [byText, byIds, byList] = await Promise.all(
			[TEXTS[0], [tokens[0]!.map(({ id }) => id)], tokens[0]!.map(({ id }) => id)].map(async (inputs) =>
				vectorsOf(await service.post("/embed", { inputs })),
			),
		);
		expect([byText!.length, byIds!.length, byList!.length]).toEqual([1, 1, 1]);
		expect(largestGap(byText![0]!, byIds![0]!)).toBeLessThan(1e-6);
		expect(largestGap(byText![0]!, byList![0]!)).toBeLessThan(1e-6);
	});

	test("is cut at the end that it names", async () => {
		const text = `${"red ".repeat(300)}${"blue ".repeat(300)}`;
		const [right, left] = await Promise.all(
			["Right", "left"].map(async (truncation_direction) =>
				vectorsOf(await service.post("/embed", { inputs: text, truncate: true, truncation_direction })),
			),
		);
		const [red, blue] = await vectorsOf(await service.post("/embed", { inputs: ["red ".repeat(254), "blue ".repeat(254)] }));
		expect(largestGap(right![0]!, red!)).toBeLessThan(1e-5);
		expect(largestGap(left![0]!, blue!)).toBeLessThan(1e-5);
	});

	test("may wait for each answer of a stream, or send all at once", async () => {
		const [wanted] = await vectorsOf(await service.post("/embed", { inputs: TEXTS[0] }));
		let answered: () => void = () => {};
		async function* onePerAnswer() {
			for (let i = 0; i < 3; i++) {
				const answer = new Promise<void>((resolve) => {
					answered = resolve;
				});
				yield { inputs: [TEXTS[0]!] };
				await answer;
			}
		}
		let count = 0;
		for await (const { embeddings } of service.embed.embedStream(onePerAnswer())) {
			expect(largestGap(embeddings[0]!.values, wanted!)).toBeLessThan(1e-5);
			count++;
			answered();
		}
		async function* allAtOnce() {
			for (let i = 1; i <= 40; i++) yield { inputs: Array.from({ length: (i % LIMITS.texts) + 1 }, () => "hat") };
		}
		const sizes: number[] = [];
		for await (const { embeddings } of service.embed.embedStream(allAtOnce())) sizes.push(embeddings.length);
		expect([count, sizes]).toEqual([3, Array.from({ length: 40 }, (_, i) => ((i + 1) % LIMITS.texts) + 1)]);
	});
});

describe("similarity", () => {
	test.each([undefined, "hats"])("is the cosine of the vectors that embed gives (adapter %s)", async (adapter) => {
		const [source, ...sentences] = TEXTS;
		const vectors = await vectorsOf(await service.post("/embed", { inputs: TEXTS, adapter }));
		const wanted = vectors.slice(1).map((vector) => vector.reduce((sum, value, i) => sum + value * vectors[0]![i]!, 0));
		const rest = await service.post("/similarity", { inputs: { source_sentence: source, sentences }, adapter });
		expect(rest.headers.get("x-dak-adapter")).toBe(adapter ? "hats@1" : "base");
		expect(largestGap((await rest.json()) as number[], wanted)).toBeLessThan(1e-5);
		const grpc = await service.embed.similarity({ sourceSentence: source!, sentences, adapter: adapter ?? "" });
		expect(largestGap(grpc.similarities, wanted)).toBeLessThan(1e-5);
	});

	test("without sentences is refused", async () => {
		const response = await service.post("/similarity", { inputs: { source_sentence: "hat", sentences: [] } });
		expect([response.status, ((await response.json()) as { error_type: string }).error_type]).toEqual([400, "Empty"]);
	});
});

describe("OpenAI's routes", () => {
	interface Embeddings {
		readonly data: { readonly embedding: number[] | string; readonly index: number }[];
		readonly model: string;
		readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number };
	}
	const create = async (body: object) => (await (await service.post("/v1/embeddings", body)).json()) as Embeddings;

	test("give the same vectors as numbers and as base64, by model", async () => {
		for (const [model, adapter, answered] of [
			["all-MiniLM-L6-v2", undefined, "all-MiniLM-L6-v2"],
			["hats", "hats", "hats@1"],
		]) {
			const wanted = await vectorsOf(await service.post("/embed", { inputs: TEXTS, adapter }));
			const numbers = await create({ input: TEXTS, model });
			expect(numbers).toMatchObject({ object: "list", model: answered, data: TEXTS.map((_, index) => ({ object: "embedding", index })) });
			const base64 = await create({ input: TEXTS, model, encoding_format: "base64" });
			wanted.forEach((vector, i) => {
				expect(largestGap(numbers.data[i]!.embedding as number[], vector)).toBeLessThan(1e-5);
				const bytes = Buffer.from(base64.data[i]!.embedding as string, "base64");
				expect(largestGap([...new Float32Array(new Uint8Array(bytes).buffer)], vector)).toBeLessThan(1e-5);
			});
		}
	});

	test("take token ids and dimensions, and count tokens", async () => {
		const answer = await create({ input: [[101, 6045, 102]], model: "all-MiniLM-L6-v2", dimensions: 8 });
		expect(answer.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
		expect(Math.hypot(...(answer.data[0]!.embedding as number[]))).toBeCloseTo(1, 5);
	});

	test("list the models, and refuse another in their own shape", async () => {
		const models = (await (await fetch(`${service.url}/v1/models`)).json()) as { data: { id: string }[] };
		expect(models.data.map(({ id }) => id)).toEqual(expect.arrayContaining(["all-MiniLM-L6-v2", "hats"]));
		const refused = await service.post("/v1/embeddings", { input: "hat", model: "gpt" });
		expect(refused.status).toBe(404);
		expect(await refused.json()).toEqual({
			error: { message: expect.stringContaining("gpt"), type: "invalid_request_error", code: "model_not_found", param: null },
		});
	});
});

describe("adapters", () => {
	test("appear when published, and switch while requests run, each answered by the generation that it names", async () => {
		publishTestAdapter(service, "swap", base, { seed: "one" });
		await served("swap", 1);
		const ask = async () => {
			const response = await service.post("/embed", { inputs: [TEXTS[0]], adapter: "swap" });
			return { by: response.headers.get("x-dak-adapter")!, vector: (await vectorsOf(response))[0]! };
		};
		const answers: Awaited<ReturnType<typeof ask>>[] = [await ask()];
		for (let round = 0; answers.at(-1)!.by !== "swap@2"; round++) {
			if (round === 3) publishTestAdapter(service, "swap", base, { seed: "two" });
			answers.push(...(await Promise.all([ask(), ask(), ask(), ask()])));
		}
		const of = (by: string) => answers.filter((answer) => answer.by === by);
		const [[first], [second]] = [of("swap@1"), of("swap@2")];
		expect(largestGap(first!.vector, second!.vector)).toBeGreaterThan(1e-2);
		for (const { by, vector } of answers) expect(largestGap(vector, (by === "swap@1" ? first : second)!.vector)).toBeLessThan(1e-5);
	});

	test("that are deleted are gone until they are loaded or published again", async () => {
		publishTestAdapter(service, "gone", base, { seed: "one" });
		await served("gone", 1);
		expect((await fetch(`${service.url}/v1/adapters/gone`, { method: "DELETE" })).status).toBe(204);
		expect((await service.post("/embed", { inputs: "hat", adapter: "gone" })).status).toBe(404);
		publishTestAdapter(service, "witness", base, { seed: "witness" });
		await served("witness", 1);
		expect((await adaptersServed()).join()).not.toContain("gone");
		expect(await service.adapters.loadAdapter({ name: "gone" })).toMatchObject({ name: "gone", generation: 2n, rank: 4 });
		await service.adapters.unloadAdapter({ name: "gone" });
		expect((await failure(service.adapters.unloadAdapter({ name: "gone" }))).reason).toBe("ADAPTER_NOT_FOUND");
		publishTestAdapter(service, "gone", base, { seed: "two" });
		await served("gone", 3);
	});

	test("load by job, by path and in vLLM's way", async () => {
		const byJob = await service.post("/v1/adapters", { name: "by-job", source: { job_id: "job_hats" } });
		expect([byJob.status, await byJob.json()]).toEqual([201, expect.objectContaining({ name: "by-job", generation: 1, resident: true })]);
		const { source } = await service.store.resolveAdapter("hats");
		const vllm = await service.post("/v1/load_lora_adapter", { lora_name: "vllm", lora_path: source });
		expect([vllm.status, await vllm.text()]).toEqual([200, "Success: LoRA adapter 'vllm' added successfully."]);
		const [hats, same] = await Promise.all(
			["hats", "vllm"].map(async (adapter) => vectorsOf(await service.post("/embed", { inputs: TEXTS[0], adapter }))),
		);
		expect(largestGap(hats![0]!, same![0]!)).toBeLessThan(1e-5);
		expect((await service.post("/v1/unload_lora_adapter", { lora_name: "vllm" })).status).toBe(200);
		const again = await service.post("/v1/unload_lora_adapter", { lora_name: "vllm" });
		expect([again.status, await again.json()]).toEqual([404, { error: expect.objectContaining({ message: expect.any(String) }) }]);
	});
});

describe("the service", () => {
	test("answers probes, its description and its metrics", async () => {
		for (const path of ["/health", "/healthz", "/readyz", "/docs"]) expect((await fetch(`${service.url}${path}`)).status, path).toBe(200);
		const openapi = await (await fetch(`${service.url}/openapi.json`)).json();
		// What clients are generated from: a change of it has to be seen, and is taken over with `npm test -- -u`.
		await expect(JSON.stringify(openapi, null, 2)).toMatchFileSnapshot("../fixtures/openapi/embed-service.json");
		const metrics = await (await fetch(`${service.url}/metrics`)).text();
		for (const name of [
			"texts_total",
			"tokens_total",
			"request_seconds_count",
			"queue_seconds_count",
			"tokenize_seconds_count",
			"inference_seconds_count",
			"batch_texts_count",
			"batch_tokens_count",
		])
			expect(metrics).toMatch(new RegExp(`^dak_embed_${name} [1-9]`, "m"));
		expect(metrics).toMatch(/^dak_embed_requests_total\{outcome="ok"\} [1-9]/m);
		expect(metrics).toMatch(/^dak_adapter_loads_total\{outcome="ADAPTER_INCOMPATIBLE"\} [1-9]/m);
		expect(metrics).toMatch(/^dak_adapter_texts_total\{adapter="hats"\} [1-9]/m);
		expect(metrics).toMatch(/^dak_embed_queue_texts 0$/m);
	});

	test("says what it serves, the same by both protocols", async () => {
		const rest = (await (await fetch(`${service.url}/info`)).json()) as Record<string, unknown>;
		const grpc = await service.embed.info({});
		expect(rest).toMatchObject({ model_id: "all-MiniLM-L6-v2", model_sha: base.fingerprint, max_input_length: 256, device: "cpu" });
		expect(grpc).toMatchObject({ modelId: rest.model_id, modelFingerprint: rest.model_sha, maxInputLength: 256, dimension: 384 });
	});

	test("tells an overloaded client when to come back, and answers all others", async () => {
		const small = await launchEmbedService({ DAK_MAX_QUEUE_TEXTS: "16" });
		onTestFinished(() => small.stop());
		const inputs = Array.from({ length: 8 }, (_, i) => `a longer text about hat number ${i} `.repeat(10));
		const answers = await Promise.all(Array.from({ length: 30 }, () => small.post("/embed", { inputs })));
		const refused = answers.filter(({ status }) => status !== 200);
		expect(refused.length).toBeGreaterThan(0);
		expect(refused.length).toBeLessThan(answers.length);
		for (const response of refused) {
			expect([response.status, await response.json()]).toEqual([
				429,
				{ error: expect.stringContaining("16 texts"), error_type: "Overloaded" },
			]);
			expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
		}
	});

	test("asks for a key with the scope where keys are set", async () => {
		const locked = await launchEmbedService({ DAK_API_KEYS: "embed:abc,admin:def" });
		onTestFinished(() => locked.stop());
		const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
		expect((await locked.post("/embed", { inputs: "hat" })).status).toBe(401);
		expect((await locked.post("/embed", { inputs: "hat" }, bearer("abc"))).status).toBe(200);
		expect((await locked.post("/v1/adapters", { name: "x" }, bearer("abc"))).status).toBe(403);
		expect((await failure(locked.embed.embed({ inputs: ["hat"] }))).reason).toBe("UNAUTHENTICATED");
		expect((await fetch(`${locked.url}/readyz`)).status).toBe(200);
	});
});
