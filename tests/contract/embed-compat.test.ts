/** embed-service as Text Embeddings Inference's, OpenAI's and vLLM's clients see it: one table of cases, every door. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DakError, REASONS, type Reason } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import { LongTexts, tei } from "@dak/shared/proto";
import { createGrpcClient, type GrpcClient } from "@dak/shared/server";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openTestModel } from "../../shared/nn/testing/base-model.js";
import { callWithMetadata } from "./call-with-metadata.js";
import { BAD_EMBEDS, type EmbedCase, LIMITS } from "./embed-service.cases.js";
import { type EmbedTestService, launchEmbedService, publishTestAdapter } from "./embed-service.setup.js";

const TEXTS = ["a red wool hat", "blue cap", "scarf with a pattern of small white dots"];
const NAME = "all-MiniLM-L6-v2";
const PROMPTS = { query: "query: ", passage: "passage: " };

let folder: string;
let base: BaseModel;
let tokenizer: Tokenizer;
let service: EmbedTestService;
let embed: GrpcClient<typeof tei.Embed>;
beforeAll(async () => {
	base = await openTestModel();
	tokenizer = await loadTokenizer(base.folder.path);
	folder = mkdtempSync(join(tmpdir(), "dak-prompts-"));
	// The same model, with prompts, which it does not have by itself.
	cpSync(join(process.env.DAK_TEST_MODELS!, NAME), join(folder, NAME), { recursive: true, dereference: true });
	writeFileSync(join(folder, NAME, "config_sentence_transformers.json"), JSON.stringify({ prompts: PROMPTS }));
	service = await launchEmbedService({
		DAK_MODELS_DIR: folder,
		DAK_MAX_CLIENT_BATCH: `${LIMITS.texts}`,
		DAK_MAX_TEXT_BYTES: `${LIMITS.textBytes}`,
		DAK_SERVED_MODEL_NAME: "house-embedder",
	});
	publishTestAdapter(service, "hats", base, { seed: "hats" });
	await vi.waitFor(async () => expect((await service.adapters.listAdapters({})).adapters).toHaveLength(1), { timeout: 10_000 });
	embed = createGrpcClient(tei.Embed, service.address);
});
afterAll(async () => {
	embed?.close();
	await service?.stop();
	base.weights.close();
	rmSync(folder, { recursive: true });
});

const postJson = async <T>(path: string, body: unknown): Promise<T> => {
	const response = await service.post(path, body);
	expect(response.status, await response.clone().text()).toBe(200);
	return (await response.json()) as T;
};
const vectorsOf = (body: object) => postJson<number[][]>("/embed", body);
const failure = (work: Promise<unknown>): Promise<DakError> =>
	work.then(
		() => expect.unreachable("the call was taken"),
		(error) => error as DakError,
	);
const largestGap = (a: readonly number[], b: readonly number[]): number => {
	expect(a.length).toBe(b.length);
	return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
};
const unit = (vector: readonly number[]): number[] => vector.map((value) => value / Math.hypot(...vector));

interface Refusal {
	readonly reason: string;
	readonly message: string;
}

/** The reason that an OpenAI error's code stands for. */
const openaiReason = (code: string) => (code === "model_not_found" ? "ADAPTER_NOT_FOUND" : code.toUpperCase());

/** A way to ask for vectors, and which of the cases can be said through it. */
interface Door {
	readonly can: (body: EmbedCase["body"]) => boolean;
	readonly refuse: (body: EmbedCase["body"]) => Promise<Refusal>;
}

const only = (body: object, ...fields: string[]) => Object.keys(body).every((field) => fields.includes(field));

async function refusedOverRest(path: string, body: object): Promise<Refusal> {
	const response = await service.post(path, body);
	const { error } = (await response.json()) as { error: { message: string; code: string } };
	const reason = openaiReason(error.code);
	expect([response.status, reason], error.message).toEqual([REASONS[reason as Reason].http, reason]);
	return { reason, message: error.message };
}

const DOORS: Readonly<Record<string, Door>> = {
	"OpenAI's embeddings": {
		can: (body) => only(body, "inputs", "adapter", "dimensions") && !Array.isArray(body.adapter),
		refuse: ({ inputs, adapter, ...rest }) => refusedOverRest("/v1/embeddings", { input: inputs, model: adapter ?? NAME, ...rest }),
	},
	"tei.v1": {
		can: ({ inputs, adapter, ...rest }) =>
			Array.isArray(inputs) &&
			inputs.length === 1 &&
			typeof inputs[0] === "string" &&
			!Array.isArray(adapter) &&
			only(rest, "truncate", "prompt_name"),
		refuse: ({ inputs, adapter, truncate, prompt_name }) =>
			failure(
				callWithMetadata(
					service.address,
					tei.Embed.method.embed,
					{
						inputs: (inputs as string[])[0]!,
						truncate: truncate === true,
						...(prompt_name !== undefined && { promptName: String(prompt_name) }),
					},
					adapter === undefined ? {} : { "x-dak-adapter": String(adapter) },
				),
			),
	},
};

describe.each(Object.entries(DOORS))("a bad request through %s is refused for the same reason as through /embed:", (_, door) => {
	// A number for an adapter is a number for a model there, and protobuf can hold no half character.
	const cases = BAD_EMBEDS.filter(({ name, body }) => door.can(body) && !["a number for adapter", "half a character"].includes(name));
	test.each(cases.map((bad) => [bad.name, bad] as const))("%s", async (_, { body, reason, says }) => {
		const refused = await door.refuse(body);
		expect(refused.reason, refused.message).toBe(reason);
		// OpenAI's fields have names of their own, so only what was found and allowed is compared.
		for (const part of says.filter((text) => !text.includes("/") && !text.startsWith("generation")))
			expect(refused.message).toContain(part);
	});
});

describe("every answer names adapter and generation, and no base vector stands in for an adapter's:", () => {
	test("REST's header, OpenAI's model, gRPC's metadata", async () => {
		const [plain] = await vectorsOf({ inputs: TEXTS[0] });
		for (const [adapter, label] of [
			[undefined, "base"],
			["hats", "hats@1"],
			["hats@1", "hats@1"],
		] as const) {
			const rest = await service.post("/embed", { inputs: TEXTS[0], adapter });
			const [vector] = (await rest.json()) as number[][];
			expect(rest.headers.get("x-dak-adapter")).toBe(label);
			if (label === "base") expect(largestGap(vector!, plain!)).toBeLessThan(1e-6);
			else expect(largestGap(vector!, plain!)).toBeGreaterThan(1e-2);

			const openai = await service.post("/v1/embeddings", { input: TEXTS[0], model: adapter ?? NAME });
			const answer = (await openai.json()) as { model: string; data: { embedding: number[] }[] };
			expect([openai.headers.get("x-dak-adapter"), answer.model]).toEqual([label, label === "base" ? "house-embedder" : label]);
			expect(largestGap(answer.data[0]!.embedding, vector!)).toBeLessThan(1e-5);

			const metadata = adapter === undefined ? {} : { "x-dak-adapter": adapter };
			const grpc = await callWithMetadata(service.address, tei.Embed.method.embed, { inputs: TEXTS[0]!, normalize: true }, metadata);
			expect(grpc.trailer["x-dak-adapter"]).toBe(label);
			expect(largestGap(grpc.message.embeddings, vector!)).toBeLessThan(1e-5);

			for (const path of ["/similarity", "/rerank"]) {
				const body = path === "/rerank" ? { query: "hat", texts: TEXTS } : { inputs: { source_sentence: "hat", sentences: TEXTS } };
				expect((await service.post(path, { ...body, adapter })).headers.get("x-dak-adapter")).toBe(label);
			}
		}
	});
});

describe("an adapter for clients that cannot add a field to the body", () => {
	const ask = (query: string, headers: Record<string, string>, body: object = {}) =>
		service.post(`/embed${query}`, { inputs: TEXTS[0], ...body }, headers);

	test.each<[string, Record<string, string>, object]>([
		["?adapter=hats", {}, {}],
		["", { "x-dak-adapter": "hats" }, {}],
		["?adapter=hats", { "x-dak-adapter": "hats" }, { adapter: "hats" }],
	])("is named in the address or a header (%j %j %j)", async (query, headers, body) => {
		const response = await ask(query, headers, body);
		expect(response.headers.get("x-dak-adapter")).toBe("hats@1");
		expect(await response.json()).toEqual(await vectorsOf({ inputs: TEXTS[0], adapter: "hats" }));
	});

	test("is refused where two places name different ones, and where nobody is called so", async () => {
		const two = await ask("?adapter=hats", {}, { adapter: "" });
		expect([two.status, await two.json()]).toMatchObject([422, { error: expect.stringContaining("hats") }]);
		expect((await ask("?adapter=nobody", {})).status).toBe(404);
	});

	test("counts at the root too, for vectors and for similarities", async () => {
		const vectors = await postJson("/?adapter=hats", { inputs: TEXTS });
		expect(vectors).toEqual(await vectorsOf({ inputs: TEXTS, adapter: "hats" }));
		const inputs = { source_sentence: "hat", sentences: TEXTS };
		expect(await postJson("/?adapter=hats", { inputs, parameters: {} })).toEqual(
			await postJson("/similarity", { inputs, adapter: "hats" }),
		);
		const many = await service.post("/", { inputs, adapter: ["hats", "hats"] });
		expect([many.status, await many.json()]).toMatchObject([422, { error_type: "Validation" }]);
	});
});

describe("Text Embeddings Inference's routes", () => {
	test("answer with what an answer cost, in its headers and metadata", async () => {
		const { headers } = await service.post("/embed", { inputs: ["hat", "cap ☂"] });
		const number = (name: string) => Number(headers.get(name));
		const tokens = ["hat", "cap ☂"].reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
		expect([number("x-compute-characters"), number("x-compute-tokens"), headers.get("x-compute-type")]).toEqual([8, tokens, "cpu"]);
		expect(number("x-total-time")).toBeGreaterThanOrEqual(number("x-inference-time"));
		const { message } = await callWithMetadata(service.address, tei.Embed.method.embed, { inputs: "cap ☂" });
		expect(message.metadata).toMatchObject({ computeChars: 5, computeTokens: tokenizer.encode("cap ☂").length });
		expect(message.metadata!.inferenceTimeNs).toBeGreaterThan(0n);
	});

	test("have their other names", async () => {
		const wanted = await vectorsOf({ inputs: TEXTS[0] });
		for (const path of ["/", "/invocations"]) expect(await postJson(path, { inputs: TEXTS[0] })).toEqual(wanted);
		expect(await postJson("/embeddings", { input: TEXTS[0] })).toMatchObject({ object: "list", model: "house-embedder" });
		for (const path of ["/", "/ping", "/health"]) {
			const response = await fetch(service.url + path);
			expect([response.status, await response.text()]).toEqual([200, ""]);
		}
	});

	test("take null where its schema lets a field be null", async () => {
		const nulls = { truncate: null, prompt_name: null, dimensions: null };
		expect(await vectorsOf({ inputs: TEXTS, ...nulls })).toEqual(await vectorsOf({ inputs: TEXTS }));
	});

	test.each([
		["/embed_sparse", { inputs: "hat" }, "SPLADE"],
		["/embed_all", { inputs: "hat" }, "tokens' own vectors"],
		["/predict", { inputs: "hat" }, "classifier"],
		["/vertex", { instances: [{ inputs: "hat" }] }, "Vertex"],
	])("refuse %s as its router does for a model that cannot", async (path, body, says) => {
		const response = await service.post(path, body);
		expect([response.status, await response.json()]).toEqual([424, { error: expect.stringContaining(says), error_type: "Backend" }]);
	});

	test("decode what tokenize gives", async () => {
		const tokens = await postJson<{ id: number }[][]>("/tokenize", { inputs: TEXTS });
		const ids = tokens.map((text) => text.map(({ id }) => id));
		expect(await postJson("/decode", { ids })).toEqual(TEXTS);
		expect(await postJson("/decode", { ids: ids[1], skip_special_tokens: false })).toEqual(["[CLS] blue cap [SEP]"]);
		const wrong = await service.post("/decode", { ids: [101, 30522] });
		expect([wrong.status, await wrong.json()]).toEqual([422, { error: expect.stringContaining("30522"), error_type: "Validation" }]);
		const { message } = await callWithMetadata(service.address, tei.Tokenize.method.decode, { ids: ids[0]!, skipSpecialTokens: true });
		expect(message.text).toBe(TEXTS[0]);
		const spoken = await callWithMetadata(service.address, tei.Tokenize.method.tokenize, { inputs: TEXTS[1]!, addSpecialTokens: true });
		expect(spoken.message.tokens).toMatchObject(tokens[1]!.map(({ id }) => ({ id })));
	});

	test("rank by cosine, the same by both protocols", async () => {
		const query = "knitted headwear";
		const similar = await postJson<number[]>("/similarity", { inputs: { source_sentence: query, sentences: TEXTS } });
		const order = similar.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score);
		const raw = await service.post("/rerank", { query, texts: TEXTS, raw_scores: true });
		expect(raw.headers.get("x-dak-scores")).toBe("bi-encoder-cosine");
		expect(await raw.json()).toEqual(order.map(({ index, score }) => ({ index, score: expect.closeTo(score, 5) })));
		const scaled = order.map(({ index, score }) => ({ index, score: expect.closeTo((1 + score) / 2, 5), text: TEXTS[index] }));
		expect(await postJson("/rerank", { query, texts: TEXTS, return_text: true })).toEqual(scaled);
		const { message } = await callWithMetadata(service.address, tei.Rerank.method.rerank, { query, texts: TEXTS, returnText: true });
		expect(message.ranks).toMatchObject(scaled);
		const client = createGrpcClient(tei.Rerank, service.address);
		const streamed = await client.rerankStream(
			(async function* () {
				for (const text of TEXTS) yield { query, text, rawScores: true };
			})(),
		);
		client.close();
		expect(streamed.ranks.map(({ index }) => index)).toEqual(order.map(({ index }) => index));
		const none = await service.post("/rerank", { query, texts: [] });
		expect([none.status, await none.json()]).toMatchObject([400, { error_type: "Empty" }]);
	});

	test("stream over tei.v1 in the requests' order, and refuse there what the model cannot do", async () => {
		const wanted = await vectorsOf({ inputs: TEXTS, normalize: false });
		const got: number[][] = [];
		for await (const { embeddings } of embed.embedStream(
			(async function* () {
				for (const inputs of TEXTS) yield { inputs };
			})(),
		))
			got.push(embeddings);
		expect(got).toHaveLength(TEXTS.length);
		got.forEach((vector, i) => {
			expect(largestGap(vector, wanted[i]!)).toBeLessThan(1e-5);
		});
		expect((await failure(embed.embedSparse({ inputs: "hat" }))).reason).toBe("NOT_IMPLEMENTED");
		const predict = createGrpcClient(tei.Predict, service.address);
		expect((await failure(predict.predict({ inputs: "hat" }))).reason).toBe("NOT_IMPLEMENTED");
		predict.close();
	});

	test("say what is served in its words, the same by both protocols", async () => {
		const rest = (await (await fetch(`${service.url}/info`)).json()) as Record<string, unknown>;
		expect(rest).toMatchObject({
			model_id: NAME,
			model_type: { embedding: { pooling: "mean" } },
			max_concurrent_requests: 8192,
			max_client_batch_size: LIMITS.texts,
			auto_truncate: false,
			prompts: PROMPTS,
		});
		const { message } = await callWithMetadata(service.address, tei.Info.method.info, {});
		expect(message).toMatchObject({
			modelId: rest.model_id,
			modelSha: rest.model_sha,
			modelType: tei.ModelType.EMBEDDING,
			maxInputLength: 256,
		});
	});
});

describe("OpenAI's routes", () => {
	test("know a model by its id, and the base by its served name", async () => {
		const get = async (id: string) => {
			const response = await fetch(`${service.url}/v1/models/${id}`);
			return [response.status, await response.json()];
		};
		expect(await get("hats")).toMatchObject([200, { id: "hats", object: "model", parent: "house-embedder", generation: 1 }]);
		for (const name of ["house-embedder", NAME])
			expect(await get(name)).toMatchObject([200, { id: "house-embedder", root: NAME, parent: null }]);
		expect(await get("nobody")).toMatchObject([404, { error: { code: "model_not_found" } }]);
		expect(await postJson("/v1/embeddings", { input: "hat", model: "house-embedder" })).toMatchObject({ model: "house-embedder" });
	});
});

describe("KServe's protocol", () => {
	const infer = (path: string, tensor: object = {}, rest: object = {}) =>
		service.post(`/v2/models/${path}/infer`, {
			inputs: [{ name: "text", datatype: "BYTES", shape: [3], data: TEXTS, ...tensor }],
			...rest,
		});

	test.each<[string, string, string, object]>([
		["house-embedder", "", "0", {}],
		[NAME, "", "0", { shape: [3, 1], data: TEXTS.map((text) => [text]) }],
		["hats", "hats", "1", {}],
		["hats/versions/1", "hats", "1", {}],
	])("gives the vectors of %s as one tensor", async (path, adapter, version, tensor) => {
		const response = await infer(path, tensor, { id: "mine" });
		const wanted = await vectorsOf({ inputs: TEXTS, adapter });
		const answer = (await response.json()) as { outputs: { data: number[] }[] };
		expect(answer).toMatchObject({
			id: "mine",
			model_version: version,
			outputs: [{ name: "embedding", datatype: "FP32", shape: [3, 384] }],
		});
		expect(largestGap(answer.outputs[0]!.data, wanted.flat())).toBeLessThan(1e-5);
		expect(response.headers.get("x-dak-adapter")).toBe(adapter === "" ? "base" : "hats@1");
	});

	test("takes /embed's fields as parameters", async () => {
		const answer = (await (await infer("hats", {}, { parameters: { dimensions: 8, normalize: false } })).json()) as { outputs: unknown[] };
		const wanted = await vectorsOf({ inputs: TEXTS, adapter: "hats", dimensions: 8, normalize: false });
		expect(answer.outputs).toMatchObject([{ shape: [3, 8], data: wanted.flat().map((value) => expect.closeTo(value, 5)) }]);
	});

	test.each<[string, string, object, number]>([
		["a model that is not there", "nobody", {}, 404],
		["a generation that is not served", "hats/versions/7", {}, 409],
		["a version of the base", "house-embedder/versions/1", {}, 409],
		["a shape that is not the data's", "hats", { shape: [2] }, 422],
		["numbers", "hats", { datatype: "FP32", data: [1, 2, 3] }, 422],
		["no text", "hats", { shape: [0], data: [] }, 400],
	])("refuses %s", async (_, path, tensor, status) => {
		const response = await infer(path, tensor);
		expect([response.status, await response.json()]).toEqual([status, { error: expect.any(String), error_type: expect.any(String) }]);
	});

	test("says what is served, and that it can be", async () => {
		const get = async (path: string) => (await fetch(service.url + path)).json();
		expect(await get("/v2/health/live")).toEqual({ live: true });
		expect(await get("/v2/health/ready")).toEqual({ ready: true });
		expect(await get("/v2/models/hats/ready")).toEqual({ name: "hats", ready: true });
		expect((await fetch(`${service.url}/v2/models/nobody/ready`)).status).toBe(404);
		expect(await get("/v2")).toMatchObject({ name: "embed-service", extensions: [] });
		expect(await get("/v2/models/hats")).toMatchObject({ versions: ["1"], outputs: [{ datatype: "FP32", shape: [-1, 384] }] });
	});
});

describe("dimensions", () => {
	test.each([1, 8, 384])("keep the first %i of the whole vector, scaled to length 1", async (dimensions) => {
		const [whole] = await vectorsOf({ inputs: TEXTS[0], normalize: false });
		const wanted = unit(whole!.slice(0, dimensions));
		expect(largestGap((await vectorsOf({ inputs: TEXTS[0], dimensions }))[0]!, wanted)).toBeLessThan(1e-5);
		const [raw] = await vectorsOf({ inputs: TEXTS[0], dimensions, normalize: false });
		expect(largestGap(raw!, whole!.slice(0, dimensions))).toBeLessThan(1e-6);
	});
});

describe("a prompt", () => {
	test("is put before the text, by its name", async () => {
		const [wanted] = await vectorsOf({ inputs: "query: red hat" });
		expect(largestGap((await vectorsOf({ inputs: "red hat", prompt_name: "query" }))[0]!, wanted!)).toBeLessThan(1e-6);
		const { message } = await callWithMetadata(service.address, tei.Embed.method.embed, {
			inputs: "red hat",
			normalize: true,
			promptName: "query",
		});
		expect(largestGap(message.embeddings, wanted!)).toBeLessThan(1e-5);
	});
});

describe("a text that is longer than the model takes", () => {
	const words = Array.from({ length: 700 }, (_, i) => ["red", "blue", "green", "hat", "scarf"][(i * i) % 5]!);
	const text = words.join(" ");

	test.each([undefined, "query"] as const)(
		"is embedded in windows of like length, weighted by their tokens (prompt %s)",
		async (promptName) => {
			// Three windows: the special tokens and the prompt's two tokens are in each.
			const room = 256 - 2 - (promptName ? 2 : 0);
			const count = Math.ceil(words.length / room);
			const parts = Array.from({ length: count }, (_, i) =>
				words.slice(Math.floor((i * words.length) / count), Math.floor(((i + 1) * words.length) / count)).join(" "),
			);
			expect(count).toBe(3);
			const own = await vectorsOf({ inputs: parts, normalize: false, ...(promptName && { prompt_name: promptName }) });
			const lengths = parts.map((part) => tokenizer.encode((promptName ? PROMPTS[promptName] : "") + part).length);
			const total = lengths.reduce((sum, length) => sum + length, 0);
			const wanted = unit(own[0]!.map((_, d) => own.reduce((sum, vector, i) => sum + (vector[d]! * lengths[i]!) / total, 0)));
			const response = await service.post("/embed", { inputs: [text], long_texts: "window", prompt_name: promptName });
			expect(response.headers.get("x-compute-tokens")).toBe(`${total}`);
			expect(largestGap(((await response.json()) as number[][])[0]!, wanted)).toBeLessThan(1e-5);
			const grpc = await service.embed.embed({ inputs: [text], longTexts: LongTexts.WINDOW, ...(promptName && { promptName }) });
			expect(largestGap(grpc.embeddings[0]!.values, wanted)).toBeLessThan(1e-5);
			expect(grpc.tokens).toBe(total);
		},
	);

	test("among short ones is the only one cut, and short ones are what they are without windows", async () => {
		const [first, , last] = await vectorsOf({ inputs: [TEXTS[0]!, text, TEXTS[1]!], long_texts: "window", adapter: ["hats", "", "hats"] });
		const plain = await vectorsOf({ inputs: [TEXTS[0]!, TEXTS[1]!], adapter: "hats" });
		expect(largestGap(first!, plain[0]!)).toBeLessThan(1e-5);
		expect(largestGap(last!, plain[1]!)).toBeLessThan(1e-5);
	});

	test("is cut without being asked where the service is configured so, unless the request says no", async () => {
		const lenient = await launchEmbedService({ DAK_AUTO_TRUNCATE: "true", DAK_MODELS_DIR: folder, DAK_DEFAULT_PROMPT_NAME: "passage" });
		try {
			expect((await (await fetch(`${lenient.url}/info`)).json()) as object).toMatchObject({ auto_truncate: true });
			for (const [path, body] of [
				["/embed", { inputs: text }],
				["/v1/embeddings", { input: text }],
			] as const)
				expect((await lenient.post(path, body)).status).toBe(200);
			expect((await lenient.post("/embed", { inputs: text, truncate: false })).status).toBe(413);
			const [prompted] = (await (await lenient.post("/embed", { inputs: "hat" })).json()) as number[][];
			expect(largestGap(prompted!, (await vectorsOf({ inputs: "hat", prompt_name: "passage" }))[0]!)).toBeLessThan(1e-5);
		} finally {
			await lenient.stop();
		}
	});

	test("a default prompt that the model lacks keeps the service from starting", async () => {
		const refused = await failure(launchEmbedService({ DAK_MODELS_DIR: folder, DAK_DEFAULT_PROMPT_NAME: "quary" }));
		expect([refused.reason, refused.message]).toEqual(["INVALID_REQUEST", expect.stringContaining("query, passage")]);
	});
});
