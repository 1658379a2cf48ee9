import { mkdirSync } from "node:fs";
import { type LoraModule, type WriteAdapterOptions, writeAdapterFolder } from "../index.js";

export const FINGERPRINT = `sha256:${"ab".repeat(32)}`;

/** Factors of one layer; every value depends on `seed`. */
export function factors(path: string, { inFeatures = 4, outFeatures = 4, r = 2, seed = 1 } = {}): LoraModule {
	const values = (length: number, phase: number) => Float32Array.from({ length }, (_, i) => Math.sin(seed * 13 + i + phase));
	return { path, inFeatures, outFeatures, r, a: values(r * inFeatures, 0), b: values(outFeatures * r, 0.5) };
}

export const BERT_LAYER = [
	"attention.self.query",
	"attention.self.key",
	"attention.self.value",
	"attention.output.dense",
	"intermediate.dense",
	"output.dense",
].map((name) => `encoder.layer.0.${name}`);

/** Writes a small whole adapter folder. */
export function writeSmallAdapter(folder: string, changes: Partial<WriteAdapterOptions> & { readonly seed?: number } = {}): void {
	mkdirSync(folder, { recursive: true });
	const { seed = 1, ...options } = changes;
	writeAdapterFolder(folder, {
		name: "small",
		r: 2,
		alpha: 4,
		modules: BERT_LAYER.map((path, i) => factors(path, { seed: seed + i })),
		base: { ref: "tiny", fingerprint: FINGERPRINT, hiddenSize: 4, normalize: true, prompts: { query: "query: " } },
		tokenizerHash: "t",
		dataHash: "d",
		quantization: "nf4-double",
		pooling: "mean",
		maxLength: 64,
		maxSeqLength: 128,
		settings: {},
		metrics: {},
		verdict: "unverified",
		canaries: [{ text: "a", embedding: [1, 0, 0, 0] }],
		...options,
	});
}
