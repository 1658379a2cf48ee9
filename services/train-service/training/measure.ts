/** Vectors of the base and of the adapted model over the same texts, and what their comparison says. */

import { type BaseModel, linearLayers, type Pooling } from "@dak/shared/models";
import { Encoder, type EncoderOptions, type FrozenFeeds, loraA, loraB } from "@dak/shared/nn";
import { type Device, type Feeds, float32 } from "@dak/shared/runtime";
import type { Tokenizer } from "@dak/shared/tokenization";
import {
	type EvaluationReport,
	evaluateAdaptation,
	type LabelledSet,
	labelledSet,
	type ModelVectors,
	rowOf,
	unitVectors,
} from "../evaluation/index.js";
import type { JobSettings } from "../jobs/index.js";
import type { CurvePoint } from "./loss-curve.js";
import type { TextSource } from "./texts.js";
import { Vocabulary } from "./vocabulary.js";
import { wordEmbeddings } from "./word-embeddings.js";

export interface MeasurementOptions {
	readonly base: BaseModel;
	readonly tokenizer: Tokenizer;
	readonly frozen: FrozenFeeds;
	readonly pooling: Pooling;
	readonly settings: JobSettings;
	readonly texts: TextSource;
	readonly device: Device;
	readonly threads: number;
}

/** Training texts that drift and neighbours are measured on: their pairs grow with the square. */
const SAMPLE = 400;
const CANARIES = 3;

export type Factors = ReadonlyMap<string, Float32Array>;

export class Measurement {
	private constructor(
		private readonly options: MeasurementOptions,
		private readonly encoder: Encoder,
		private readonly encoderOptions: EncoderOptions,
		private readonly labelled: LabelledSet | undefined,
	) {}

	static async create(options: MeasurementOptions): Promise<Measurement> {
		const { base, settings, pooling, device, threads } = options;
		const encoderOptions: EncoderOptions = {
			config: base.encoder,
			pooling,
			quantized: settings.quantization.kind === "nf4",
			lora: { r: settings.lora.r, alpha: settings.lora.alpha ?? 2 * settings.lora.r, targetModules: settings.lora.target_modules },
		};
		const encoder = await Encoder.create(encoderOptions, { device, threads, memory: "lean" });
		const labelled = settings.evaluation && labelledSet(settings.evaluation.queries, settings.evaluation.corpus);
		return new Measurement(options, encoder, encoderOptions, labelled);
	}

	/** The base's vectors. */
	base(): Promise<ModelVectors> {
		return this.#vectors(this.#noFactors());
	}

	/** The adapted model's vectors. */
	adapted(factors: Factors): Promise<ModelVectors> {
		return this.#vectors(factors);
	}

	/** Report, manifest metrics and verdict. Consumes both sets of vectors. */
	compare(base: ModelVectors, adapted: ModelVectors, steps: readonly CurvePoint[]) {
		const report = evaluateAdaptation({ base, adapted, sampleTexts: this.#sample(), labelled: this.labelled });
		const loss = { first: steps[0]?.loss, last: meanOfLast(steps), steps: steps.length };
		const { retrieval, sanity, verdict } = report;
		return {
			verdict: verdict as EvaluationReport["verdict"],
			metrics: { loss, sanity, ...(retrieval ? { retrieval } : {}) },
			report: { ...report, loss: { ...loss, curve: steps.map((step) => ({ step: step.step, loss: step.loss, ...step.parts })) } },
			evaluations: [...(retrieval ? [{ name: "retrieval", values: retrieval }] : []), { name: "sanity", values: sanity }],
		};
	}

	/** Pooled vectors of texts as ids. @shape → [B,D] */
	vectorsOf(texts: readonly Int32Array[], factors: Factors = this.#noFactors()): Promise<Float32Array> {
		return this.#encode(texts, factors);
	}

	/** A few texts with the unit vectors that serving has to reproduce; without a prompt, as serving has them. */
	async canaries(factors: Factors) {
		const texts = this.options.texts.texts.slice(0, CANARIES);
		const vectors = unitVectors(await this.#encode(this.#tokens(texts, ""), factors), this.options.base.encoder.hiddenSize);
		return texts.map((text, i) => ({ text, embedding: Array.from(rowOf(vectors, i)) }));
	}

	dispose(): Promise<void> {
		return this.encoder.dispose();
	}

	/** All texts in one go: each call reads the rows of the word embeddings that its texts use. */
	async #vectors(factors: Factors): Promise<ModelVectors> {
		const dimension = this.options.base.encoder.hiddenSize;
		const sample = this.#sample();
		const { queries = [], corpus = [] } = this.labelled ?? {};
		const all = await this.#encode(this.#tokens([...sample, ...queries, ...corpus]), factors);
		const rows = (from: number, count: number) => all.subarray(from * dimension, (from + count) * dimension);
		if (!this.labelled) return { dimension, sample: all };
		return {
			dimension,
			sample: rows(0, sample.length),
			queries: rows(sample.length, queries.length),
			corpus: rows(sample.length + queries.length, corpus.length),
		};
	}

	#sample(): readonly string[] {
		return this.options.texts.texts.slice(0, SAMPLE);
	}

	/** Ids up to the base's length limit, with the prompt that the texts are trained with. */
	#tokens(texts: readonly string[], prompt = this.options.texts.prompt): Int32Array[] {
		const { tokenizer, base } = this.options;
		return texts.map((text) => tokenizer.encode(prompt + text, { maxLength: base.maxSeqLength }));
	}

	#encode(texts: readonly Int32Array[], factors: Factors): Promise<Float32Array> {
		const { base, frozen } = this.options;
		const vocabulary = Vocabulary.of(texts, base.encoder.vocabSize);
		const feeds: Feeds = {
			...frozen.feeds(this.encoder.frozen),
			word_embeddings: wordEmbeddings(base, vocabulary),
			...this.#factorFeeds(factors),
		};
		return this.encoder.encode(
			texts.map((ids) => vocabulary.remap(ids)),
			feeds,
		);
	}

	#factorFeeds(factors: Factors): Feeds {
		const { r } = this.encoderOptions.lora;
		return Object.fromEntries(
			this.#adaptedLayers().flatMap(({ path, inFeatures, outFeatures }) => [
				[loraA(path), float32(factors.get(loraA(path))!, [r, inFeatures])],
				[loraB(path), float32(factors.get(loraB(path))!, [outFeatures, r])],
			]),
		);
	}

	/** Factors that change nothing. */
	#noFactors(): Factors {
		const { r } = this.encoderOptions.lora;
		return new Map(
			this.#adaptedLayers().flatMap(({ path, inFeatures, outFeatures }): [string, Float32Array][] => [
				[loraA(path), new Float32Array(r * inFeatures)],
				[loraB(path), new Float32Array(outFeatures * r)],
			]),
		);
	}

	#adaptedLayers() {
		const { targetModules } = this.encoderOptions.lora;
		return linearLayers(this.options.base.encoder).filter(({ path }) => targetModules.includes(path.slice(path.lastIndexOf(".") + 1)));
	}
}

/** One step's loss is noisy: the mean over the last ten says where training ended. */
function meanOfLast(steps: readonly CurvePoint[], count = 10): number | undefined {
	const last = steps.slice(-count);
	return last.length === 0 ? undefined : last.reduce((sum, step) => sum + step.loss, 0) / last.length;
}
