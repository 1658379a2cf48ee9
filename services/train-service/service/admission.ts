/** Checks that a job's texts and base model can be used, before it is taken: what is wrong now is told now. */
import type { ArtifactStore } from "@dak/shared/adapters";
import { DakError, invalidField, toDakError } from "@dak/shared/errors";
import { checkModelCanBeBrought, type ModelFolder, type ModelSources, openBaseModel, resolveModel } from "@dak/shared/models";
import { chooseDevice } from "@dak/shared/runtime";
import type { Datasets } from "../data/index.js";
import { type Admission, checkAgainstBase, type Dataset, type JobSettings, newDatasetId } from "../jobs/index.js";

export interface AdmissionOptions {
	readonly datasets: Datasets;
	readonly artifacts: Pick<ArtifactStore, "resolveAdapter">;
	readonly saveDataset: (dataset: Dataset) => void;
	/** Where base models may come from. */
	readonly models: ModelSources;
	readonly maxLoraRank: number;
}

export function createAdmission(options: AdmissionOptions): Admission {
	return async (settings) => {
		if (settings.lora.r > options.maxLoraRank)
			throw invalidField("/lora/r", `found ${settings.lora.r}, allowed: 1 to ${options.maxLoraRank} (DAK_MAX_LORA_RANK)`);
		checkDevice(settings);
		if (settings.init_adapter !== undefined) options.artifacts.resolveAdapter(settings.init_adapter);
		const base = await checkBase(settings, options);
		return { ...settings, dataset: await admitTexts(settings, base, options) };
	};
}

function checkDevice({ device }: JobSettings): void {
	try {
		chooseDevice(device);
	} catch (error) {
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
	{ dataset, text_column, text_template, max_length }: JobSettings,
	base: ModelFolder | undefined,
	{ datasets, saveDataset }: AdmissionOptions,
): Promise<JobSettings["dataset"]> {
	if (!("texts" in dataset)) {
		await datasets.inspect(dataset, { textColumn: text_column, textTemplate: text_template });
		return dataset;
	}
	const id = newDatasetId();
	const { bytes, statistics } = await datasets.saveTexts(
		id,
		dataset.texts,
		base && { ref: base.ref, folder: base.path, maxLength: max_length },
	);
	saveDataset({ id, filename: "texts.jsonl", createdAt: Date.now(), bytes, statistics: { ...statistics } });
	return { upload: id };
}
