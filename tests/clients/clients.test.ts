/** The clients that people have, against the real service: what they get is what /embed gives. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openTestModel } from "../../shared/nn/testing/base-model.js";
import { type EmbedTestService, launchEmbedService, publishTestAdapter } from "../contract/embed-service.setup.js";
import { clientPython } from "./python.js";

const TEXTS = ["a red wool hat", "blue cap", "scarf with a pattern of small white dots"];
const NAME = "all-MiniLM-L6-v2";
const python = clientPython();

let folder: string;
let service: EmbedTestService;
let plain: number[][];
let adapted: number[][];
beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-clients-"));
	cpSync(join(process.env.DAK_TEST_MODELS!, NAME), join(folder, NAME), { recursive: true, dereference: true });
	writeFileSync(join(folder, NAME, "config_sentence_transformers.json"), JSON.stringify({ prompts: { query: "query: " } }));
	service = await launchEmbedService({ DAK_MODELS_DIR: folder });
	const base = await openTestModel();
	publishTestAdapter(service, "hats", base, { seed: "hats" });
	base.weights.close();
	await vi.waitFor(async () => expect((await service.adapters.listAdapters({})).adapters).toHaveLength(1), { timeout: 10_000 });
	plain = await vectorsOf({ inputs: TEXTS });
	adapted = await vectorsOf({ inputs: TEXTS, adapter: "hats" });
	expect(gap(adapted, plain)).toBeGreaterThan(1e-2);
});
afterAll(async () => {
	await service?.stop();
	rmSync(folder, { recursive: true, force: true });
});

async function vectorsOf(body: object): Promise<number[][]> {
	const response = await service.post("/embed", body);
	expect(response.status).toBe(200);
	return (await response.json()) as number[][];
}

/** Largest difference of any two values. */
function gap(a: readonly number[][], b: readonly number[][]): number {
	expect(a.map(({ length }) => length)).toEqual(b.map(({ length }) => length));
	return Math.max(...a.flatMap((vector, i) => vector.map((value, d) => Math.abs(value - b[i]![d]!))));
}

const expectSame = (a: readonly number[][], b: readonly number[][]) => expect(gap(a, b)).toBeLessThan(1e-5);
const cosines = ([first, ...rest]: readonly number[][]) =>
	rest.map((vector) => vector.reduce((sum, value, i) => sum + value * first![i]!, 0));

// biome-ignore lint/suspicious/noExplicitAny: each script answers with fields of its own
async function ask(script: string): Promise<any> {
	const input = JSON.stringify({ url: service.url, grpc: service.address, texts: TEXTS, adapter: "hats" });
	// The service runs in this process, so the script must not block it.
	const child = spawn(python!, [join(import.meta.dirname, script)], { stdio: ["pipe", "pipe", "pipe"] });
	child.stdin.end(input);
	let [out, err] = ["", ""];
	child.stdout.on("data", (data) => {
		out += data;
	});
	child.stderr.on("data", (data) => {
		err += data;
	});
	const code = await new Promise((resolve) => child.once("close", resolve));
	expect(code, err).toBe(0);
	return JSON.parse(out);
}

describe.skipIf(!python)("in Python", () => {
	test("huggingface_hub's InferenceClient", { timeout: 120_000 }, async () => {
		const got = await ask("huggingface_hub_client.py");
		expectSame(got.one, [plain[0]!]);
		expectSame(got.many, plain);
		expectSame(got.raw, await vectorsOf({ inputs: TEXTS, normalize: false }));
		expectSame(got.dimensions, await vectorsOf({ inputs: TEXTS, dimensions: 8 }));
		expectSame(got.left, await vectorsOf({ inputs: "blue ".repeat(254) }));
		expectSame(got.prompted, await vectorsOf({ inputs: `query: ${TEXTS[0]}` }));
		expectSame([got.similarity, got.similarity_by_route], [cosines(plain), cosines(plain)]);
		expectSame(got.adapted, adapted);
		expectSame([got.adapted_similarity], [cosines(adapted)]);
		expect(got.refused).toEqual({ status: 413, error: expect.stringContaining("402 tokens"), error_type: "Validation" });
	});

	test("LangChain's embeddings for TEI and for OpenAI", { timeout: 120_000 }, async () => {
		const got = await ask("langchain_client.py");
		expectSame(got.documents, plain);
		expectSame(got.later, plain);
		expectSame([got.query], [plain[0]!]);
		expectSame(got.adapted, adapted);
		expectSame(got.openai, adapted);
		expectSame([got.openai_query], [adapted[0]!]);
	});

	test("LlamaIndex's embeddings for TEI", { timeout: 120_000 }, async () => {
		const got = await ask("llama_index_client.py");
		expectSame(got.documents, plain);
		expectSame(got.later, plain);
		expectSame([got.query], [plain[0]!]);
		expectSame([got.long], await vectorsOf({ inputs: "hat ".repeat(400), truncate: true }));
		expectSame(got.adapted, adapted);
	});

	test("OpenAI's package", { timeout: 120_000 }, async () => {
		const got = await ask("openai_client.py");
		expect([got.models, got.model, got.answered_by]).toEqual([[NAME, "hats"], "hats", "hats@1"]);
		for (const vectors of [got.default, got.numbers]) expectSame(vectors, plain);
		const decoded = got.base64.map((text: string) => [...new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer)]);
		expectSame(decoded, plain);
		expectSame(got.dimensions, await vectorsOf({ inputs: TEXTS, dimensions: 8 }));
		for (const vectors of [got.ids, got.id_list]) expectSame(vectors, await vectorsOf({ inputs: [[101, 6045, 102]] }));
		for (const vectors of [got.adapted, got.again]) expectSame(vectors, adapted);
		expect(got.tokens).toBe(6);
		expect(got.nobody).toEqual({ class: "NotFoundError", status: 404, code: "model_not_found" });
		expect(got.stale).toEqual({ class: "ConflictError", status: 409, code: "generation_mismatch" });
		expect(got.wrong).toEqual({ class: "UnprocessableEntityError", status: 422, code: "invalid_request" });
		expect(got.empty).toEqual({ class: "BadRequestError", status: 400, code: "empty_input" });
	});

	test("gRPC by reflection, our services and Text Embeddings Inference's", { timeout: 120_000 }, async () => {
		const got = await ask("grpc_client.py");
		expect(got.services).toEqual(
			expect.arrayContaining([
				"dak.v1.EmbedService",
				"dak.v1.AdapterService",
				"tei.v1.Embed",
				"tei.v1.Info",
				"tei.v1.Rerank",
				"tei.v1.Tokenize",
			]),
		);
		expectSame(got.own, [plain[0]!, adapted[1]!, adapted[2]!]);
		expect(got.own_adapters).toEqual(["", "hats@1", "hats@1"]);
		expect(got.model).toBe(NAME);
		for (const vectors of [got.tei, got.streamed]) expectSame(vectors, plain);
		expectSame([got.adapted], [adapted[0]!]);
		expect([got.answered_by, got.best, got.best_score, got.decoded]).toEqual(["hats@1", 0, expect.closeTo(1, 5), TEXTS[0]]);
		expect([got.nobody, got.sparse, got.predict, got.empty]).toEqual(["NOT_FOUND", "UNIMPLEMENTED", "UNIMPLEMENTED", "INVALID_ARGUMENT"]);
	});
});

describe("OpenAI's package for Node", () => {
	const client = () => new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "none", maxRetries: 0 });
	const embed = async (settings: object = {}) =>
		(await client().embeddings.create({ model: NAME, input: TEXTS, ...settings })).data.map(({ embedding }) => embedding);

	test("gets the same vectors as numbers, and by base64, which it asks for by itself", async () => {
		for (const settings of [{}, { encoding_format: "float" }]) expectSame(await embed(settings), plain);
		expectSame(await embed({ dimensions: 8 }), await vectorsOf({ inputs: TEXTS, dimensions: 8 }));
		for (const input of [[101, 6045, 102], [[101, 6045, 102]]])
			expectSame(await embed({ input }), await vectorsOf({ inputs: [[101, 6045, 102]] }));
	});

	test("knows adapters as models, and which generation has answered", async () => {
		expect((await client().models.list()).data.map(({ id }) => id)).toEqual([NAME, "hats"]);
		expect(await client().models.retrieve("hats")).toMatchObject({ id: "hats", object: "model" });
		const { model, data, usage } = await client().embeddings.create({ model: "hats", input: TEXTS[0]!, encoding_format: "float" });
		expect([model, usage.total_tokens]).toEqual(["hats@1", 6]);
		expectSame([data[0]!.embedding], [adapted[0]!]);
		await expect(embed({ model: "nobody" })).rejects.toBeInstanceOf(NotFoundError);
	});

	test("sees what vLLM's calls load and unload", async () => {
		const { source } = await service.store.resolveAdapter("hats");
		const load = { lora_name: "second", lora_path: source };
		expect((await service.post("/v1/load_lora_adapter", load)).status).toBe(200);
		expectSame(await embed({ model: "second" }), adapted);
		expect((await service.post("/v1/unload_lora_adapter", { lora_name: "second" })).status).toBe(200);
		await expect(embed({ model: "second" })).rejects.toBeInstanceOf(NotFoundError);
	});
});
