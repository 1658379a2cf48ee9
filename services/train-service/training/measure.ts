/** Vectors of the base and of the adapted model over the same texts, and what their comparison says. */

import { rowOf, unitVectors } from "@dak/shared/evaluation";
import { type BaseModel, linearLayers, moduleName, type Pooling } from "@dak/shared/models";
import { Encoder, type EncoderOptions, type FrozenFeeds, loraA, loraB } from "@dak/shared/nn";
import { Random } from "@dak/shared/random";
import { type Device, type Feeds, float32 } from "@dak/shared/runtime";
import type { Tokenizer } from "@dak/shared/tokenization";
import {
	type EvaluationPlan,
	type EvaluationReport,
	evaluateAdaptation,
	type GroupName,
	type LinearMap,
	type ModelVectors,
	planEvaluation,
	throughMap,
} from "../evaluation/index.js";
import type { JobSettings } from "../jobs/index.js";
import type { CurvePoint } from "./loss-curve.js";
import { createNoise } from "./noise/index.js";
import { loraOptions } from "./step-options.js";
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

/** What a comparison has to know of the training. */
interface Course {
	readonly steps: readonly CurvePoint[];
	/** Whether it aimed at other similarities than the base's. */
	readonly reshaped: boolean;
}

const CANARIES = 3;
/** Share of the words with a slip in them, for robustness to typos. */
const MISSPELT = 0.3;

export type Factors = ReadonlyMap<string, Float32Array>;

export class Measurement {
	private constructor(
		private readonly options: MeasurementOptions,
		private readonly encoder: Encoder,
		private readonly encoderOptions: EncoderOptions,
		private readonly plan: EvaluationPlan,
	) {}

	static async create(options: MeasurementOptions): Promise<Measurement> {
		const { base, settings, pooling, device, threads } = options;
		const encoderOptions: EncoderOptions = {
			config: base.encoder,
			pooling,
			quantized: settings.quantization.kind === "nf4",
			lora: loraOptions(base, settings),
		};
		const encoder = await Encoder.create(encoderOptions, { device, threads, memory: "lean" });
		return new Measurement(options, encoder, encoderOptions, planOf(options));
	}

	/** The base's vectors. */
	base(): Promise<ModelVectors> {
		return this.#vectors(this.#noFactors(), GROUPS);
	}

	/** The adapted model's vectors. */
	adapted(factors: Factors): Promise<ModelVectors> {
		return this.#vectors(
			factors,
			GROUPS.filter((group) => group !== "fit" || this.#whitens),
		);
	}

	/** Whether vectors are whitened after training, which is fitted to the adapted ones. */
	get #whitens(): boolean {
		return (this.options.settings.objective.output_whitening ?? 0) > 0;
	}

	/** Report, manifest metrics and verdict. Consumes both sets of vectors. */
	compare(base: ModelVectors, adapted: ModelVectors, { steps, reshaped }: Course) {
		const loss = { first: steps[0]?.loss, last: meanOfLast(steps), steps: steps.length };
		const [first, last] = [meanOf(steps.slice(0, ENDS)), loss.last];
		const trend = first === undefined || last === undefined || steps.length < 2 * ENDS ? undefined : { first, last };
		const report = evaluateAdaptation({ plan: this.plan, base, adapted, loss: trend, reshaped });
		const { retrieval, categories, similarity, sanity, verdict } = report;
		const labelled = Object.entries({ retrieval, categories, similarity }).flatMap(([name, values]) => (values ? [{ name, values }] : []));
		return {
			verdict: verdict as EvaluationReport["verdict"],
			metrics: { loss, sanity, ...Object.fromEntries(labelled.map(({ name, values }) => [name, values])) },
			report: { ...report, loss: { ...loss, curve: steps.map((step) => ({ step: step.step, loss: step.loss, ...step.parts })) } },
			evaluations: [...labelled, { name: "sanity", values: sanity }],
		};
	}

	/** Pooled vectors of texts as ids. @shape → [B,D] */
	vectorsOf(texts: readonly Int32Array[], factors: Factors = this.#noFactors()): Promise<Float32Array> {
		return this.#encode(texts, factors);
	}

	/** A few texts with the unit vectors that serving has to reproduce; without a prompt, as serving has them. */
	async canaries(factors: Factors, map?: LinearMap) {
		const texts = this.options.texts.texts.slice(0, CANARIES);
		const pooled = unitVectors(await this.#encode(this.#tokens(texts, ""), factors), this.options.base.encoder.hiddenSize);
		const vectors = map ? throughMap(pooled, map) : pooled;
		return texts.map((text, i) => ({ text, embedding: Array.from(rowOf(vectors, i)) }));
	}

	dispose(): Promise<void> {
		return this.encoder.dispose();
	}

	/** Each different text once, and all in one go: a call reads the rows of the word embeddings that its texts use. */
	async #vectors(factors: Factors, names: readonly GroupName[]): Promise<ModelVectors> {
		const dimension = this.options.base.encoder.hiddenSize;
		const rows = new Map<string, number>();
		for (const name of names) for (const text of this.plan.groups[name]) if (!rows.has(text)) rows.set(text, rows.size);
		const all = await this.#encode(this.#tokens([...rows.keys()]), factors);
		const groups = names.map((name) => {
			const texts = this.plan.groups[name];
			const vectors = new Float32Array(texts.length * dimension);
			for (const [i, text] of texts.entries()) {
				const row = rows.get(text)!;
				vectors.set(all.subarray(row * dimension, (row + 1) * dimension), i * dimension);
			}
			return [name, vectors] as const;
		});
		return { dimension, groups: Object.fromEntries(groups) };
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
		return linearLayers(this.options.base.encoder).filter(({ path }) => targetModules.includes(moduleName(path)));
	}
}

const GROUPS: readonly GroupName[] = [
	"sample",
	"misspelled",
	"general1",
	"general2",
	"queries",
	"corpus",
	"sentences1",
	"sentences2",
	"categorized",
	"fit",
];

function planOf({ texts, settings }: MeasurementOptions): EvaluationPlan {
	const misspell = createNoise({ kind: "typo", ratio: MISSPELT }, texts.texts);
	return planEvaluation({
		texts: texts.texts,
		labels: settings.evaluation,
		misspell: (text, row) => misspell(text, Random.for(1, "misspelled", row)),
	});
}

/** Steps at either end that a loss is averaged over: one step's is noisy. */
const ENDS = 10;

const meanOfLast = (steps: readonly CurvePoint[]): number | undefined => meanOf(steps.slice(-ENDS));

function meanOf(steps: readonly CurvePoint[]): number | undefined {
	return steps.length === 0 ? undefined : steps.reduce((sum, step) => sum + step.loss, 0) / steps.length;
}
