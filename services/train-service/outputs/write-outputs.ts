/** What a job puts out besides its adapter, each compared with what serving the adapter gives. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DenseModule } from "@dak/shared/adapters";
import { unitVectors } from "@dak/shared/evaluation";
import { type BaseModel, openBaseModel } from "@dak/shared/models";
import { hasTokenTypes } from "@dak/shared/nn/export";
import type { Device } from "@dak/shared/runtime";
import type { JobSettings } from "../jobs/index.js";
import { type CardFacts, outputCard } from "./card.js";
import { type Drift, driftBetween, type OutputDrift } from "./drift.js";
import { writeModules } from "./files.js";
import { writeMergedModel } from "./merged-model.js";
import { MergedWeights, type MergeOptions } from "./merged-weights.js";
import { ONNX_FILES, type OnnxDtype, writeOnnxModel } from "./onnx-model.js";
import { onnxVectors } from "./onnx-vectors.js";

/** Folders of a job's artifacts; the adapter lies at their root. */
export const MERGED_FOLDER = "merged_model";
export const ONNX_FOLDER = "onnx";

/** As the report and the manifest say it. */
export interface ModelOutputs {
	readonly merged_model?: OutputDrift & { readonly dtype: "fp32" | "fp16" };
	readonly onnx?: Partial<Record<OnnxDtype, OutputDrift>>;
}

export interface OutputOptions extends MergeOptions {
	/** The job's output folder. */
	readonly folder: string;
	readonly output: JobSettings["output"];
	readonly pooling: BaseModel["pooling"];
	/** Behind the pooling; the vectors compared are those before it. */
	readonly dense: DenseModule | undefined;
	/** Texts that are compared, as ids. */
	readonly texts: readonly Int32Array[];
	/** Vectors of these texts by serving base + adapter. @shape → [B,D] */
	readonly served: () => Promise<Float32Array>;
	/** Vectors of these texts by a model alone, with its weights as they are. @shape → [B,D] */
	readonly alone: (model: BaseModel) => Promise<Float32Array>;
	readonly device: Device;
	readonly threads: number;
	readonly card: CardFacts;
	readonly log: (message: string) => void;
}

/** Writes the folders that the job asks for. @returns undefined where it asks for none */
export async function writeModelOutputs(options: OutputOptions): Promise<ModelOutputs | undefined> {
	const { output } = options;
	if (!output.merged_model && !output.onnx) return undefined;
	const weights = new MergedWeights(options);
	const served = await options.served();
	const merged_model = output.merged_model ? await mergedModel(options, weights, served) : undefined;
	const onnx = output.onnx ? await onnxModel(options, weights, served) : undefined;
	return { ...(merged_model ? { merged_model } : {}), ...(onnx ? { onnx } : {}) };
}

async function mergedModel(options: OutputOptions, weights: MergedWeights, served: Float32Array) {
	const { base, pooling, dense, card, output, log } = options;
	const folder = join(options.folder, MERGED_FOLDER);
	const bytes = writeMergedModel(folder, { base, pooling }, weights, output.merged_dtype);
	const written = await openBaseModel({ ref: card.name, path: folder, source: "local" });
	try {
		const drift = { bytes, ...compare(base, served, await options.alone(written)) };
		writeFileSync(join(folder, "README.md"), outputCard("merged", card, { "model.safetensors": drift }, pooling));
		// Afterwards: what is compared are the vectors that go into the module.
		if (dense) writeModules(folder, { base, pooling, dense });
		log(`${MERGED_FOLDER} (${output.merged_dtype}): ${told(drift)}`);
		return { dtype: output.merged_dtype, ...drift };
	} finally {
		written.weights.close();
	}
}

async function onnxModel(options: OutputOptions, weights: MergedWeights, served: Float32Array) {
	const { base, pooling, device, threads, texts, card, log } = options;
	const folder = join(options.folder, ONNX_FOLDER);
	const dtypes = [...new Set(options.output.onnx_dtypes)];
	const sizes = writeOnnxModel(folder, base, pooling, weights, dtypes);
	const { hiddenSize: dimension, padTokenId } = base.encoder;
	const tokenTypes = hasTokenTypes(base.encoder);
	const drifts: [OnnxDtype, OutputDrift][] = [];
	for (const dtype of dtypes) {
		const vectors = await onnxVectors(join(folder, ONNX_FILES[dtype]), texts, {
			pooling,
			dimension,
			padTokenId,
			tokenTypes,
			device,
			threads,
		});
		const drift = { bytes: sizes[dtype]!, ...compare(base, served, vectors) };
		drifts.push([dtype, drift]);
		log(`${ONNX_FOLDER} (${dtype}): ${told(drift)}`);
	}
	const byFile = Object.fromEntries(drifts.map(([dtype, drift]) => [ONNX_FILES[dtype], drift]));
	writeFileSync(join(folder, "README.md"), outputCard("onnx", card, byFile, pooling));
	return Object.fromEntries(drifts);
}

function compare({ encoder }: BaseModel, served: Float32Array, written: Float32Array): Drift {
	return driftBetween(unitVectors(served, encoder.hiddenSize), unitVectors(written, encoder.hiddenSize));
}

const told = ({ bytes, texts, mean_cosine, min_cosine }: OutputDrift): string =>
	`${bytes} bytes; cosine to base + adapter over ${texts} texts: mean ${mean_cosine.toFixed(6)}, least ${min_cosine.toFixed(6)}`;
