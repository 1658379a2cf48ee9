/** Checks that a job's texts and base model can be used, before it is taken: what is wrong now is told now. */
import type { ArtifactStore } from "@dak/shared/adapters";
import { DakError, invalidField, toDakError } from "@dak/shared/errors";
import { checkModelCanBeBrought, type ModelFolder, type ModelSources, openBaseModel, resolveModel } from "@dak/shared/models";
import { chooseDevice } from "@dak/shared/runtime";
import type { Datasets } from "../data/index.js";
import type { JobEstimate } from "../estimate/index.js";
import { type Admission, checkAgainstBase, type Dataset, type JobSettings, newDatasetId } from "../jobs/index.js";

import type { Estimates } from "./estimates.js";

export interface AdmissionOptions {
	readonly datasets: Datasets;
	readonly artifacts: Pick<ArtifactStore, "resolveAdapter">;
	readonly saveDataset: (dataset: Dataset) => Promise<void>;
	/** Where base models may come from. */
	readonly models: ModelSources;
	readonly maxLoraRank: number;
	readonly estimates: Estimates;
}

export function createAdmission(options: AdmissionOptions): Admission {
	return async (settings) => {
		const base = await check(settings, options);
		const { dataset, text_column, text_template } = settings;
		if (!("texts" in dataset)) await options.datasets.inspect(dataset, { textColumn: text_column, textTemplate: text_template });
		// Before the texts are kept: of a job that is refused nothing is left.
		const memoryBytes = await options.estimates.admit(settings);
		return { settings: { ...settings, dataset: await admitTexts(settings, base, options) }, memoryBytes };
	};
}

/** What is wrong with a job whatever its texts are. @throws INVALID_REQUEST, MODEL_NOT_FOUND, INVALID_MODEL, ADAPTER_NOT_FOUND */
async function check(settings: JobSettings, options: AdmissionOptions): Promise<ModelFolder | undefined> {
	if (settings.lora.r > options.maxLoraRank)
		throw invalidField("/lora/r", `found ${settings.lora.r}, allowed: 1 to ${options.maxLoraRank} (DAK_MAX_LORA_RANK)`);
	await checkDevice(settings, options);
	if (settings.init_adapter !== undefined) await options.artifacts.resolveAdapter(settings.init_adapter);
	return checkBase(settings, options);
}

/** The estimate of a job that is not submitted. @throws as its submission would, but for memory */
export async function estimateOf(settings: JobSettings, options: AdmissionOptions): Promise<JobEstimate> {
	await check(settings, options);
	return options.estimates.of(settings);
}

async function checkDevice({ device }: JobSettings, { estimates }: AdmissionOptions): Promise<void> {
	try {
		chooseDevice(device);
	} catch (error) {
		if (await estimates.runsElsewhere(device)) return;
		const { message } = toDakError(error);
		throw new DakError("INVALID_REQUEST", message, { fields: [{ pointer: "/device", detail: message }], cause: error });
	}
}

/** The base model's folder, if it is on this machine. */
async function checkBase(settings: JobSettings, { models }: AdmissionOptions): Promise<ModelFolder | undefined> {
	const folder = await resolveModel(settings.base_model, models).catch(async (error: unknown) => {
		if (toDakError(error).reason !== "MODEL_NOT_FOUND") throw error;
		// It is fetched when the job's turn comes; whether it can be is told now.
		await checkModelCanBeBrought(settings.base_model, models);
		return undefined;
	});
	if (!folder) return undefined;
	const base = await openBaseModel(folder);
	base.weights.close();
	checkAgainstBase(settings, base);
	return folder;
}

/** Texts that come with a job are kept as a dataset of their own: a job's record stays small. */
async function admitTexts(
	{ dataset, max_length }: JobSettings,
	base: ModelFolder | undefined,
	{ datasets, saveDataset }: AdmissionOptions,
): Promise<JobSettings["dataset"]> {
	if (!("texts" in dataset)) return dataset;
	const id = newDatasetId();
	const { bytes, statistics } = await datasets.saveTexts(
		id,
		dataset.texts,
		base && { ref: base.ref, folder: base.path, maxLength: max_length },
	);
	const record = { id, filename: "texts.jsonl", createdAt: Date.now(), bytes, statistics: { ...statistics } };
	await datasets.register(id, () => saveDataset(record));
	return { upload: id };
}
