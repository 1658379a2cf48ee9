/**
 * Writes an adapter of random factors for a base model's folder, so that PEFT and sentence-transformers can be asked
 * whether they load it, without any training.
 */
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { writeAdapterFolder } from "@dak/shared/adapters";
import { linearLayers, moduleName, moduleNames, openBaseModel, resolveModel } from "@dak/shared/models";

const { values } = parseArgs({
	options: {
		base: { type: "string" },
		out: { type: "string" },
		rank: { type: "string", default: "8" },
		layers: { type: "string", default: "all-linear" },
		seed: { type: "string", default: "1" },
	},
});
if (!values.base || !values.out) throw new Error("--base DIR --out DIR [--rank 8] [--layers all-linear] [--seed 1]");

/** Even in [-scale, scale), the same for the same seed. */
function uniform(seed: number): (length: number, scale: number) => Float32Array {
	let state = seed >>> 0;
	const next = () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 31 - 1;
	};
	return (length, scale) => Float32Array.from({ length }, () => next() * scale);
}

const base = await openBaseModel(await resolveModel(values.base, { allowPaths: true }));
const r = Number(values.rank);
const names = values.layers === "all-linear" ? moduleNames(base.encoder) : values.layers.split(",");
const random = uniform(Number(values.seed));
const modules = linearLayers(base.encoder)
	.filter(({ path }) => names.includes(moduleName(path)))
	.map((layer) => ({ ...layer, r, a: random(r * layer.inFeatures, 0.05), b: random(layer.outFeatures * r, 0.05) }));
mkdirSync(values.out, { recursive: true });
writeAdapterFolder(values.out, {
	name: "random",
	r,
	alpha: 2 * r,
	modules,
	base: {
		ref: values.base,
		fingerprint: base.fingerprint,
		hiddenSize: base.encoder.hiddenSize,
		normalize: base.normalize,
		prompts: base.prompts,
	},
	tokenizerHash: "none",
	dataHash: "none",
	quantization: "none",
	pooling: base.pooling,
	maxLength: base.maxSeqLength,
	maxSeqLength: base.maxSeqLength,
	settings: {},
	metrics: {},
	verdict: "unverified",
	canaries: [],
});
console.log(JSON.stringify({ layers: modules.length, r, out: values.out }));
base.weights.close();
