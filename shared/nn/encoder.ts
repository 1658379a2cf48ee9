/** Sentence vectors of packed texts, with LoRA factors as inputs: the forward pass of training, for measuring. */
import { Graph, matmul, serializeGraph } from "../graph/index.js";
import { type Feeds, Session, type SessionOptions } from "../runtime/index.js";
import { bertStates } from "./bert.js";
import { FrozenWeights } from "./frozen-weights.js";
import { declareLora } from "./lora.js";
import { Packing, packedInputs } from "./packing.js";
import { type ParameterSpec, Parameters } from "./parameters.js";
import type { TrainingStepOptions } from "./training-step.js";

export type EncoderOptions = Pick<TrainingStepOptions, "config" | "pooling" | "quantized" | "lora">;

function buildEncoder({ config, quantized, lora }: EncoderOptions) {
	const graph = new Graph("encoder");
	const weights = new FrozenWeights(graph, quantized);
	const parameters = new Parameters(graph);
	const wordEmbeddings = graph.input("word_embeddings", "float32", ["V", config.hiddenSize]);
	const texts = packedInputs(graph, "encoder", ["R", 1, "S", "S"], { rows: "R", longest: "S", tokens: "T" });
	const states = bertStates({ config, weights, wordEmbeddings, lora: declareLora(parameters, lora) }, texts);
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
	async encode(texts: readonly Int32Array[], feeds: Feeds, maxTokens = 4096): Promise<Float32Array> {
		const { hiddenSize } = this.options.config;
		const vectors = new Float32Array(texts.length * hiddenSize);
		for (const batch of byLength(texts, maxTokens)) {
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
		const packing = new Packing(texts, "shared");
		const pool = packing.poolMatrix(this.options.pooling, 0, texts.length);
		const { vectors } = await this.session.run({
			...feeds,
			...packing.feeds("encoder"),
			"encoder.mask": packing.mask({ causal: false }),
			"encoder.pool": pool,
		});
		return vectors!.data as Float32Array;
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}
}

/** Indices of texts in batches of similar length, none above the token budget (a single longer text excepted). */
function byLength(texts: readonly Int32Array[], maxTokens: number): number[][] {
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
