/** Sentence vectors of packed texts, with LoRA factors as inputs: the forward pass of training, for measuring. */
import { Graph, matmul, serializeGraph } from "../graph/index.js";
import type { Pooling } from "../models/index.js";
import { type Feeds, Session, type SessionOptions, type Tensor } from "../runtime/index.js";
import { encoderStates } from "./encoder-states.js";
import { FrozenWeights } from "./frozen-weights.js";
import { declareLora } from "./lora.js";
import { Packing, packedInputs } from "./packing.js";
import { type ParameterSpec, Parameters } from "./parameters.js";
import type { TrainingStepOptions } from "./training-step.js";

/** Tokens that are encoded together. */
const MAX_TOKENS = 4096;

export type EncoderOptions = Pick<TrainingStepOptions, "config" | "pooling" | "quantized" | "lora">;

/** The encoder's graph as ONNX bytes, with what it has to be fed. */
export function buildEncoder({ config, quantized, lora }: EncoderOptions) {
	const graph = new Graph("encoder");
	const weights = new FrozenWeights(graph, quantized);
	const parameters = new Parameters(graph);
	const wordEmbeddings = graph.input("word_embeddings", "float32", ["V", config.hiddenSize]);
	const texts = packedInputs(graph, "encoder", ["R", 1, "S", "S"], { rows: "R", longest: "S", tokens: "T" });
	const states = encoderStates({ config, weights, wordEmbeddings, lora: declareLora(parameters, lora) }, texts);
	graph.output("vectors", matmul(graph.input("encoder.pool", "float32", ["B", "T"]), states));
	return { model: serializeGraph(graph), frozen: weights.inputs, parameters: parameters.specs as readonly ParameterSpec[] };
}

/** A compiled encoder. Call `dispose` when done. */
export class Encoder {
	private constructor(
		private readonly session: Session,
		private readonly options: EncoderOptions,
		readonly frozen: ReturnType<typeof buildEncoder>["frozen"],
	) {}

	static async create(options: EncoderOptions, session: SessionOptions): Promise<Encoder> {
		const { model, frozen } = buildEncoder(options);
		return new Encoder(await Session.create(model, session), options, frozen);
	}

	/**
	 * Pooled vectors, not normalised, in the order of the texts.
	 * @param feeds frozen weights, LoRA factors and `word_embeddings` [V,D], whose rows the texts' ids are
	 * @shape texts: B rows of ids → [B,D] row-major
	 */
	async encode(texts: readonly Int32Array[], feeds: Feeds, maxTokens = MAX_TOKENS): Promise<Float32Array> {
		const { hiddenSize } = this.options.config;
		const vectors = new Float32Array(texts.length * hiddenSize);
		for (const batch of encoderBatches(texts, maxTokens)) {
			const rows = await this.#run(
				batch.map((i) => texts[i]!),
				feeds,
			);
			batch.forEach((i, row) => {
				vectors.set(rows.subarray(row * hiddenSize, (row + 1) * hiddenSize), i * hiddenSize);
			});
		}
		return vectors;
	}

	async #run(texts: readonly Int32Array[], feeds: Feeds): Promise<Float32Array> {
		const { vectors } = await this.session.run({ ...feeds, ...encoderFeeds(texts, this.options.pooling) });
		return vectors!.data as Float32Array;
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}
}

/** What a run of the encoder is fed with that depends on its texts. */
export function encoderFeeds(texts: readonly Int32Array[], pooling: Pooling): Record<string, Tensor> {
	const packing = new Packing(texts, "shared");
	return {
		...packing.feeds("encoder"),
		"encoder.mask": packing.mask({ causal: false }),
		"encoder.pool": packing.poolMatrix(pooling, 0, texts.length),
	};
}

/** Indices of texts in batches of similar length, none above the token budget (a single longer text excepted). */
export function encoderBatches(texts: readonly Int32Array[], maxTokens = MAX_TOKENS): number[][] {
	const order = texts.map((_, i) => i).sort((a, b) => texts[a]!.length - texts[b]!.length);
	const batches: number[][] = [];
	let tokens = 0;
	for (const i of order) {
		const size = texts[i]!.length;
		const last = batches.at(-1);
		if (!last || tokens + size > maxTokens) {
			batches.push([i]);
			tokens = size;
		} else {
			last.push(i);
			tokens += size;
		}
	}
	return batches;
}
