/**
 * One training step as one graph: noisy and clean texts in; loss and the gradient of every parameter out. Parts whose
 * weight is 0 are not built.
 */
import { gradients } from "../autodiff/index.js";
import { add, Graph, matmul, mul, serializeGraph, sub, type Value } from "../graph/index.js";
import type { EncoderConfig, Pooling } from "../models/index.js";
import { encoderStates } from "./encoder-states.js";
import { type FrozenInput, FrozenWeights } from "./frozen-weights.js";
import { declareLora, type LoraOptions } from "./lora.js";
import { anchorLoss, contrastiveLoss, unitRows } from "./losses.js";
import { packedInputs } from "./packing.js";
import { type ParameterSpec, Parameters } from "./parameters.js";
import type { StackOptions } from "./stack.js";
import { reconstructionLoss } from "./tsdae.js";

/** Weights of the parts of the loss. */
export interface Objective {
	readonly tsdae: number;
	readonly contrastive: number;
	readonly anchor: number;
}

export interface TrainingStepOptions {
	readonly config: EncoderConfig;
	readonly pooling: Pooling;
	readonly quantized: boolean;
	readonly lora: LoraOptions;
	readonly objective: Objective;
	/**
	 * Whether the anchor is on the base's similarities after a linear map, fed as `anchor.mean` [D] and `anchor.transform` [D,D], and
	 * brought onto a line, fed as `anchor.scale` [] and `anchor.shift` [].
	 */
	readonly anchorTransformed?: boolean | undefined;
	/** Rows of the word embeddings in use, and rows of the softmax. */
	readonly embeddingRows: number;
	readonly vocabularyRows: number;
	/** Gradient checkpointing: layers are computed once more in the backward pass, for a fraction of the memory. */
	readonly checkpointing?: boolean | undefined;
	/**
	 * float16: products with the frozen weights in half precision, for GPUs whose halves are fast. The loss is scaled before the
	 * backward pass and gradients are scaled back. @source Micikevicius et al. 2018, "Mixed precision training"
	 */
	readonly frozenProducts?: "float32" | "float16" | undefined;
	/** How both tables are held; halves are widened where they are used, a chunk at a time. */
	readonly tableType?: "float32" | "float16" | undefined;
}

export interface TrainingStep {
	/** ONNX bytes. Outputs: `loss`, `loss.<part>`, and `grad.<parameter>` of each parameter. */
	readonly model: Uint8Array;
	readonly graph: Graph;
	readonly parameters: readonly ParameterSpec[];
	readonly frozen: readonly FrozenInput[];
	/** The parts of the loss that are built. */
	readonly parts: readonly (keyof Objective)[];
}

/** Whether clean texts are encoded too, beside the noisy ones. */
export const needsCleanVectors = (objective: Objective): boolean => objective.contrastive > 0 || objective.anchor > 0;

/**
 * Brings gradients of states (1e-4 to 1e-7 here) well inside a half's range; a power of two, so that scaling rounds nothing.
 * Gradients whose clipped norm is 1 stay far below a half's largest, 65,504.
 */
const HALF_LOSS_SCALE = 2 ** 12;

class StepBuilder {
	readonly graph = new Graph("training_step");
	readonly frozen: FrozenWeights;
	readonly parameters = new Parameters(this.graph);
	private readonly base: StackOptions;

	constructor(private readonly options: TrainingStepOptions) {
		const { config, embeddingRows, quantized, frozenProducts } = options;
		this.graph.frozenProducts = frozenProducts ?? "float32";
		this.frozen = new FrozenWeights(this.graph, quantized);
		const wordEmbeddings = this.graph.input("word_embeddings", this.#tableType, [embeddingRows, config.hiddenSize]);
		this.base = { config, weights: this.frozen, wordEmbeddings, checkpointing: options.checkpointing };
	}

	get #tableType(): "float32" | "float16" {
		return this.options.tableType ?? "float32";
	}

	/** Each part of the loss by name. */
	parts(): Map<keyof Objective, Value> {
		const { objective } = this.options;
		const paired = needsCleanVectors(objective);
		const size = { rows: "Re", longest: "Se", tokens: "Te" };
		const texts = packedInputs(this.graph, "encoder", ["Re", 1, "Se", "Se"], size);
		const states = encoderStates({ ...this.base, lora: declareLora(this.parameters, this.options.lora) }, texts);
		const pooled = (name: string) => matmul(this.graph.input(name, "float32", ["B", "Te"]), states);
		const noisy = pooled("encoder.pool_noisy");
		const clean = paired ? pooled("encoder.pool_clean") : undefined;
		const parts = new Map<keyof Objective, Value>();
		if (objective.tsdae > 0) parts.set("tsdae", this.reconstruction(noisy));
		if (objective.contrastive > 0) parts.set("contrastive", contrastiveLoss(noisy, clean!));
		if (objective.anchor > 0) parts.set("anchor", this.anchor(clean!));
		return parts;
	}

	private reconstruction(noisy: Value): Value {
		const { config, vocabularyRows } = this.options;
		const texts = packedInputs(this.graph, "decoder", ["Rd", 1, "Sd", "Sd"], { rows: "Rd", longest: "Sd", tokens: "Td" });
		return reconstructionLoss(this.base, this.parameters, noisy, {
			texts,
			segments: this.graph.input("decoder.segments", "float32", ["Td", "B"]),
			labels: this.graph.input("decoder.labels", "int64", ["Td"]),
			vocabulary: this.graph.input("vocabulary", this.#tableType, [vocabularyRows, config.hiddenSize]),
			vocabularyBias: this.graph.input("vocabulary_bias", "float32", [vocabularyRows]),
		});
	}

	/** The base's vectors as the anchor wants them. @shape [B,D] → [B,D] */
	#target(vectors: Value): Value {
		if (!this.options.anchorTransformed) return vectors;
		const { hiddenSize } = this.options.config;
		const centred = sub(unitRows(vectors), this.graph.input("anchor.mean", "float32", [hiddenSize]));
		return matmul(centred, this.graph.input("anchor.transform", "float32", [hiddenSize, hiddenSize]), { transB: true });
	}

	private anchor(clean: Value): Value {
		const texts = packedInputs(this.graph, "base", ["Rb", 1, "Sb", "Sb"], { rows: "Rb", longest: "Sb", tokens: "Tb" });
		const states = encoderStates(this.base, texts);
		const vectors = matmul(this.graph.input("base.pool", "float32", ["B", "Tb"]), states);
		const number = (name: string) => this.graph.input(name, "float32", []);
		const line = this.options.anchorTransformed ? { scale: number("anchor.scale"), shift: number("anchor.shift") } : undefined;
		return anchorLoss(clean, this.#target(vectors), this.graph.input("base.pairs", "float32", ["B", "B"]), line);
	}
}

/** Builds the step. Compile once: batch and text sizes are open. */
export function buildTrainingStep(options: TrainingStepOptions): TrainingStep {
	const builder = new StepBuilder(options);
	const parts = builder.parts();
	const weighted = [...parts].map(([name, part]) => mul(part, options.objective[name]));
	const loss = weighted.reduce((sum, part) => add(sum, part));
	const { graph, parameters, frozen } = builder;
	const scale = options.frozenProducts === "float16" ? HALF_LOSS_SCALE : 1;
	const gradientOf = gradients(scale === 1 ? loss : mul(loss, scale), parameters.values);
	graph.output("loss", loss);
	for (const [name, part] of parts) graph.output(`loss.${name}`, part);
	parameters.specs.forEach((spec, i) => {
		graph.output(`grad.${spec.name}`, scale === 1 ? gradientOf[i]! : mul(gradientOf[i]!, 1 / scale));
	});
	return { model: serializeGraph(graph), graph, parameters: parameters.specs, frozen: frozen.inputs, parts: [...parts.keys()] };
}
