/**
 * Writes the merged model and the ONNX files of an adapter, as a job does, and serving's vectors of a few texts beside
 * them, for check_outputs.py and check-outputs-transformers.mjs. The adapter: a folder, or random factors (make-adapter.ts).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readAdapter } from "@dak/shared/adapters";
import { layoutOf, linearLayers, moduleNames, openBaseModel, resolveModel } from "@dak/shared/models";
import { Encoder, FrozenFeeds, loraA, loraB } from "@dak/shared/nn";
import { chooseDevice, float32 } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { writeModelOutputs } from "@dak/train-service/outputs";

const { values } = parseArgs({
	options: { base: { type: "string" }, adapter: { type: "string" }, out: { type: "string" }, dtype: { type: "string", default: "fp32" } },
});
if (!values.base || !values.adapter || !values.out) throw new Error("--base DIR --adapter DIR --out DIR [--dtype fp32|fp16]");

const TEXTS = [
	"red wool hat",
	"a man is eating food while riding a horse in the park",
	"How do I open a current account?",
	"x",
	"Die Katze schläft auf dem Sofa",
	"красная шерстяная шапка",
	...Array.from({ length: 6 }, (_, i) => "one two three four five six seven eight nine ten ".repeat(i * 3 + 1).trim()),
];

const base = await openBaseModel(await resolveModel(values.base, { allowPaths: true }));
const tokenizer = await loadTokenizer(base.folder.path);
const adapter = readAdapter(values.adapter, { name: "interop", maxRank: 1024 });
const ids = TEXTS.map((text) => tokenizer.encode(text, { maxLength: base.maxSeqLength }));
const session = { device: chooseDevice("cpu"), threads: 1, memory: "lean" } as const;

/** @shape → [B,D] */
async function vectors(model: typeof base, quantized: boolean): Promise<Float32Array> {
	const r = quantized ? adapter.r : 1;
	const lora = { r, alpha: quantized ? adapter.scale * r : 1, targetModules: quantized ? moduleNames(model.encoder) : [] };
	const encoder = await Encoder.create({ config: model.encoder, pooling: model.pooling, quantized, lora }, session);
	const factors = linearLayers(model.encoder).flatMap(({ path, inFeatures, outFeatures }) => {
		const found = quantized ? adapter.modules.find((module) => module.path === path) : undefined;
		if (!found) return [];
		return [
			[loraA(path), float32(found.a, [r, inFeatures])],
			[loraB(path), float32(found.b, [outFeatures, r])],
		];
	});
	const table = float32(model.weights.float32(layoutOf(model.encoder).words), [model.encoder.vocabSize, model.encoder.hiddenSize]);
	const frozen = new FrozenFeeds(model, { doubleQuant: true }).feeds(encoder.frozen);
	const found = await encoder.encode(ids, { ...frozen, ...Object.fromEntries(factors), word_embeddings: table });
	await encoder.dispose();
	return found;
}

mkdirSync(values.out, { recursive: true });
const outputs = await writeModelOutputs({
	base,
	modules: adapter.modules,
	scale: adapter.scale,
	quantization: "nf4-double",
	folder: values.out,
	output: {
		adapter: true,
		merged_model: true,
		merged_dtype: values.dtype as "fp32" | "fp16",
		onnx: true,
		onnx_dtypes: ["fp32", "int8"],
	},
	pooling: base.pooling,
	dense: adapter.dense,
	texts: ids,
	served: () => vectors(base, true),
	alone: (model) => vectors(model, false),
	...session,
	card: {
		name: "interop",
		baseModel: values.base,
		verdict: "unverified",
		settings: {},
		metrics: {},
		data: undefined,
		quantization: "nf4-double",
	},
	log: () => {},
});
const served = await vectors(base, true);
const rows = TEXTS.map((_, i) => Array.from(served.subarray(i * base.encoder.hiddenSize, (i + 1) * base.encoder.hiddenSize)));
writeFileSync(join(values.out, "served.json"), JSON.stringify({ texts: TEXTS, vectors: rows, pooling: base.pooling }));
console.log(JSON.stringify({ ...outputs, peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024) }, null, 1));
base.weights.close();
