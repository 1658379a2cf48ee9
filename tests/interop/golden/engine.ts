/** The training step over the golden batches and parameters. */
import type { BaseModel } from "@dak/shared/models";
import { batchFeeds, buildTrainingStep, FrozenFeeds, type Objective, type TrainingStep } from "@dak/shared/nn";
import { chooseDevice, float32, Session } from "@dak/shared/runtime";
import { type Batch, goldenParameter, goldenValues } from "./fixtures.js";

export const LORA = { r: 4, alpha: 8, targetModules: ["query", "key", "value", "dense"] } as const;

/** A compiled step; `vocabulary` are the softmax's rows, all where it is not given. Embedding rows are never remapped. */
export class GoldenStep {
	readonly values: Float32Array[];
	private constructor(
		readonly step: TrainingStep,
		private readonly session: Session,
		private readonly base: BaseModel,
		private readonly objective: Objective,
		loraBScale: number | undefined,
		private readonly vocabulary?: readonly number[],
	) {
		this.values = step.parameters.map((spec) => goldenParameter(spec, loraBScale));
	}

	static async create(base: BaseModel, objective: Objective, loraBScale?: number, vocabulary?: readonly number[]): Promise<GoldenStep> {
		const step = buildTrainingStep({
			config: base.encoder,
			pooling: "mean",
			quantized: true,
			lora: LORA,
			objective,
			embeddingRows: base.encoder.vocabSize,
			vocabularyRows: vocabulary?.length ?? base.encoder.vocabSize,
		});
		const session = await Session.create(step.model, { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
		return new GoldenStep(step, session, base, objective, loraBScale, vocabulary);
	}

	async run(batch: Batch): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
		const outputs = await this.session.run({
			...this.#weights(),
			...batchFeeds(this.#texts(batch), { objective: this.objective, pooling: "mean" }),
		});
		const gradient = (name: string) => Float32Array.from(outputs[`grad.${name}`]!.data as Float32Array);
		return {
			loss: Number(outputs.loss!.data[0]),
			gradients: new Map(this.step.parameters.map(({ name }) => [name, gradient(name)])),
		};
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}

	#texts({ noisy, clean }: Batch) {
		const row = new Map(this.vocabulary?.map((id, i) => [id, i]));
		const labels = (ids: readonly number[]) => Int32Array.from(ids, (id) => (this.vocabulary ? row.get(id)! : id));
		return clean.map((ids, i) => ({ noisy: Int32Array.from(noisy[i]!), clean: Int32Array.from(ids), labels: labels(ids) }));
	}

	#weights() {
		const { vocabSize, hiddenSize } = this.base.encoder;
		const table = this.base.weights.float32("embeddings.word_embeddings.weight");
		const bias = goldenValues("head.vocab_bias", vocabSize);
		const ids = this.vocabulary ?? Array.from({ length: vocabSize }, (_, i) => i);
		const rows = new Float32Array(ids.length * hiddenSize);
		ids.forEach((id, i) => {
			rows.set(table.subarray(id * hiddenSize, (id + 1) * hiddenSize), i * hiddenSize);
		});
		const vocabulary = {
			vocabulary: float32(rows, [ids.length, hiddenSize]),
			vocabulary_bias: float32(
				Float32Array.from(ids, (id) => bias[id]!),
				[ids.length],
			),
		};
		return {
			...new FrozenFeeds(this.base, { doubleQuant: true }).feeds(this.step.frozen),
			word_embeddings: float32(table, [vocabSize, hiddenSize]),
			...(this.objective.tsdae > 0 ? vocabulary : {}),
			...Object.fromEntries(this.step.parameters.map((spec, i) => [spec.name, float32(this.values[i]!, spec.shape)])),
		};
	}
}
