/** A whole training step over a base model: its graph, what it is fed with, and what it yields on a device. */
import type { BaseModel, EncoderConfig } from "@dak/shared/models";
import { syntheticModel } from "@dak/shared/models";
import {
	batchFeeds,
	buildTrainingStep,
	FrozenFeeds,
	initialValues,
	type Objective,
	type TrainingStep,
	type TrainingText,
} from "@dak/shared/nn";
import { type Feeds, float32, Session, type SessionOptions } from "@dak/shared/runtime";

/** Small enough for a software driver, and yet of every part: two layers, heads, blocks of NF4. */
const SMALL: EncoderConfig = {
	architecture: "bert",
	hiddenSize: 64,
	layers: 2,
	heads: 4,
	intermediateSize: 128,
	vocabSize: 96,
	maxPositions: 32,
	typeVocabSize: 2,
	layerNormEps: 1e-12,
	activation: "gelu",
	padTokenId: 0,
};

export const ALL_LOSSES: Objective = { tsdae: 1, contrastive: 0.1, anchor: 30 };

export const smallModel = (): BaseModel => syntheticModel("small", SMALL);

/** Four texts of different lengths; `seed` makes others. */
export function smallBatch(seed: number): TrainingText[] {
	const ids = (count: number, salt: number) =>
		Int32Array.from({ length: count }, (_, i) => (i * 37 + salt * 11 + seed * 29) % SMALL.vocabSize);
	return [7, 12, 5, 9].map((count, i) => ({ noisy: ids(count >> 1, i + 50), clean: ids(count, i), labels: ids(count, i) }));
}

export class StepUnderTest {
	readonly step: TrainingStep;
	/** Feeds that no step changes. */
	readonly constants: Feeds;

	constructor(
		base: BaseModel,
		readonly objective: Objective,
		rank = 4,
		frozenProducts: "float32" | "float16" = "float32",
	) {
		const { encoder } = base;
		const rows = encoder.vocabSize;
		this.step = buildTrainingStep({
			config: encoder,
			pooling: base.pooling,
			quantized: true,
			lora: { r: rank, alpha: 2 * rank, targetModules: ["query", "key", "value", "dense"] },
			objective,
			embeddingRows: rows,
			vocabularyRows: rows,
			frozenProducts,
		});
		const table = float32(base.weights.float32("embeddings.word_embeddings.weight"), [rows, encoder.hiddenSize]);
		this.constants = {
			...new FrozenFeeds(base, { doubleQuant: true }).feeds(this.step.frozen),
			word_embeddings: table,
			...(objective.tsdae > 0 ? { vocabulary: table, vocabulary_bias: float32(new Float32Array(rows), [rows]) } : {}),
		};
	}

	/** First values; B of LoRA is not zero, or A would have no gradient. */
	initial(): Float32Array[] {
		return this.step.parameters.map((spec) => {
			const values = initialValues(spec, 7);
			return spec.name.endsWith(".lora_B") ? values.map((_, i) => 0.05 * Math.sin(i + 1)) : values;
		});
	}

	batch(texts: readonly TrainingText[]): Feeds {
		return batchFeeds(texts, { objective: this.objective, pooling: "mean" });
	}

	/** Loss and gradients on a device. */
	async gradients(session: Session, values: readonly Float32Array[], texts: readonly TrainingText[]) {
		const outputs = await session.run({
			...this.constants,
			...Object.fromEntries(this.step.parameters.map((spec, i) => [spec.name, float32(values[i]!, spec.shape)])),
			...this.batch(texts),
		});
		return {
			loss: Number(outputs.loss!.data[0]),
			gradients: this.step.parameters.map(({ name }) => outputs[`grad.${name}`]!.data as Float32Array),
		};
	}

	session(options: SessionOptions): Promise<Session> {
		return Session.create(this.step.model, options);
	}
}
