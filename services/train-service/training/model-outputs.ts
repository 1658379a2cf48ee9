/** What a job writes besides its adapter, made of what the training process has at hand. */
import type { AdapterManifest, DenseModule, LoraModule } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { FrozenFeeds, loraA, loraB } from "@dak/shared/nn";
import type { JobSettings } from "../jobs/index.js";
import { type ModelOutputs, writeModelOutputs } from "../outputs/index.js";
import { type Factors, Measurement, type MeasurementOptions } from "./measure.js";
import type { JobHooks, StartMessage } from "./protocol.js";

type OutputJob = Omit<MeasurementOptions, "threads"> & {
	/** What vectors go through behind the pooling. */
	readonly dense: DenseModule | undefined;
};

interface Measured {
	readonly metrics: Readonly<Record<string, unknown>>;
	readonly verdict: AdapterManifest["verdict"];
}

/** The trained factors by layer. */
export function loraModules(base: BaseModel, { lora }: JobSettings, factors: Factors): LoraModule[] {
	const modules = linearLayers(base.encoder).flatMap((layer) => {
		const [a, b] = [factors.get(loraA(layer.path)), factors.get(loraB(layer.path))];
		return a && b ? [{ ...layer, r: lora.r, a, b }] : [];
	});
	if (modules.length === 0) throw new DakError("TRAINING_FAILED", "no layer has factors: target_modules matched none");
	return modules;
}

export const alphaOf = ({ lora }: JobSettings): number => lora.alpha ?? 2 * lora.r;

export function quantizationOf({ quantization }: JobSettings): AdapterManifest["quantization"] {
	if (quantization.kind === "none") return "none";
	return quantization.double_quant ? "nf4-double" : "nf4";
}

/** Texts that written models are compared with serving on. */
const COMPARED = 100;

/** Writes what the job asks for besides the adapter, and says how near it is to serving base + adapter. */
export async function modelOutputs(
	start: StartMessage,
	job: OutputJob,
	factors: Factors,
	outcome: Measured,
	send: JobHooks["send"],
): Promise<ModelOutputs | undefined> {
	const { base, settings, pooling, device, tokenizer, texts } = job;
	const { threads } = start;
	const compared = texts.texts.slice(0, COMPARED).map((text) => tokenizer.encode(text, { maxLength: base.maxSeqLength }));
	return writeModelOutputs({
		base,
		modules: loraModules(base, settings, factors),
		scale: alphaOf(settings) / settings.lora.r,
		quantization: quantizationOf(settings),
		folder: start.outputDir,
		output: settings.output,
		pooling,
		dense: job.dense,
		texts: compared,
		// embed-service holds every base in NF4 with scales in 8 bits, however the job trained.
		served: () => vectorsBy(job, threads, base, { kind: "nf4", double_quant: true }, compared, factors),
		alone: (model) => vectorsBy(job, threads, model, { kind: "none", double_quant: false }, compared),
		device,
		threads,
		card: {
			name: settings.adapter_name ?? start.jobId,
			baseModel: settings.base_model,
			verdict: outcome.verdict,
			settings: publishedSettings(settings),
			metrics: outcome.metrics,
			data: start.datasetStatistics,
			quantization: quantizationOf(settings),
		},
		log: (message) => send({ type: "log", level: "info", message }),
	});
}

/** Vectors of texts by a model held as `quantization` says. */
async function vectorsBy(
	job: OutputJob,
	threads: number,
	base: BaseModel,
	quantization: JobSettings["quantization"],
	texts: readonly Int32Array[],
	factors?: Factors,
): Promise<Float32Array> {
	const frozen = new FrozenFeeds(base, { doubleQuant: quantization.double_quant });
	const measurement = await Measurement.create({ ...job, threads, base, frozen, settings: { ...job.settings, quantization } });
	try {
		return await measurement.vectorsOf(texts, factors);
	} finally {
		await measurement.dispose();
	}
}

/** Settings as they are published: never the texts themselves. */
export function publishedSettings(settings: JobSettings): Record<string, unknown> {
	const { dataset, evaluation, ...rest } = settings;
	const source = "texts" in dataset ? { texts: dataset.texts.length } : dataset;
	const labels = Object.entries(evaluation ?? {}).map(([name, rows]) => [name, rows.length]);
	return { ...rest, dataset: source, ...(evaluation ? { evaluation: Object.fromEntries(labels) } : {}) };
}
