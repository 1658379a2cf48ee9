/** Base models of any size without a download: a shape and random weights, for benchmarks and tests of the engine. */

import { DakError } from "../errors/index.js";
import type { SafetensorsFile, TensorInfo } from "../safetensors/index.js";
import { tensorShapes } from "./architectures/index.js";
import type { BaseModel, EncoderConfig } from "./types.js";

/** Shapes that models are known by. */
export const SYNTHETIC_CONFIGS = {
	/** 22 million parameters, as all-MiniLM-L6-v2. */
	"bert-22m": shape(384, 6, 12, 1536),
	/** 110 million, as bert-base. */
	"bert-110m": shape(768, 12, 12, 3072),
	/** 335 million, as bert-large. */
	"bert-335m": shape(1024, 24, 16, 4096),
} as const satisfies Readonly<Record<string, EncoderConfig>>;

function shape(hiddenSize: number, layers: number, heads: number, intermediateSize: number): EncoderConfig {
	return {
		architecture: "bert",
		hiddenSize,
		layers,
		heads,
		intermediateSize,
		vocabSize: 30_522,
		maxPositions: 512,
		typeVocabSize: 2,
		layerNormEps: 1e-12,
		activation: "gelu",
		padTokenId: 0,
	};
}

/** A base model with weights that its names alone decide: uniform around 0, layer norms around 1. */
export function syntheticModel(ref: string, encoder: EncoderConfig): BaseModel {
	return {
		folder: { ref, path: "", source: "local" },
		encoder,
		pooling: "mean",
		normalize: true,
		maxSeqLength: encoder.maxPositions,
		prompts: {},
		defaultPromptName: undefined,
		languageModel: false,
		fingerprint: `synthetic:${ref}`,
		weights: new SyntheticWeights(tensorShapes(encoder)),
	};
}

/** Made when asked for, and forgotten. */
class SyntheticWeights implements SafetensorsFile {
	readonly metadata = {};
	readonly tensors: ReadonlyMap<string, TensorInfo>;

	constructor(shapes: ReadonlyMap<string, readonly number[]>) {
		this.tensors = new Map([...shapes].map(([name, of]) => [name, { dtype: "F32", shape: of, offsets: [0, 0] }]));
	}

	bytes(name: string) {
		const values = this.float32(name);
		return { dtype: "F32" as const, shape: this.tensors.get(name)!.shape, data: new Uint8Array(values.buffer) };
	}

	float32(name: string): Float32Array<ArrayBuffer> {
		const info = this.tensors.get(name);
		if (!info) throw new DakError("INVALID_MODEL", `there is no tensor ${name}`);
		const values = new Float32Array(info.shape.reduce((n, d) => n * d, 1));
		const centre = /norm\.weight$/i.test(name) ? 1 : 0;
		// As far from 0 as keeps the states of a layer about as large as its input's.
		const spread = info.shape.length === 2 ? Math.sqrt(3 / info.shape[1]!) : 0.05;
		let state = [...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5);
		for (let i = 0; i < values.length; i++) {
			// xorshift32
			state ^= state << 13;
			state ^= state >>> 17;
			state ^= state << 5;
			values[i] = centre + spread * (state / 2 ** 31);
		}
		return values;
	}

	rows(name: string, rows: ArrayLike<number>): Float32Array {
		const all = this.float32(name);
		const width = this.tensors.get(name)!.shape[1]!;
		const picked = new Float32Array(rows.length * width);
		for (let i = 0; i < rows.length; i++) picked.set(all.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
		return picked;
	}

	close(): void {}
}
