/** Estimates of jobs in this service: what they are made from is gathered here, and what does not fit is refused. */
import { DakError, toDakError } from "@dak/shared/errors";
import { type ModelSources, resolveModel } from "@dak/shared/models";
import type { Logger } from "@dak/shared/observability";
import { chooseDevice, type DeviceKind, usableDevices } from "@dak/shared/runtime";
import { type Datasets, sampleTexts, type TextSample } from "../data/index.js";
import type { FittingSettings, JobEstimate, JobEstimator } from "../estimate/index.js";
import type { JobSettings } from "../jobs/index.js";
import { type DeviceMemory, memoryBudget, memoryLimit } from "../scheduling/index.js";

export interface EstimatesOptions {
	readonly estimator: JobEstimator;
	readonly datasets: Datasets;
	readonly models: ModelSources;
	readonly logger: Logger;
	readonly threads: number;
	/** Where jobs run that leave it open. */
	readonly device: JobSettings["device"];
	/** DAK_TRAIN_MEMORY, MiB. */
	readonly memoryMib: number | undefined;
	readonly deviceMemory: DeviceMemory;
	/** Most that a job may take that asks for a device, over all nodes; undefined where none runs such jobs. */
	readonly largestBytes: (device: JobSettings["device"]) => Promise<number | undefined>;
	/** Tokens a second of earlier jobs like this one. */
	readonly pastSpeeds: (settings: JobSettings) => Promise<readonly number[]>;
}

/** Texts that are looked at: a second's work of the slowest tokenizer. */
const SAMPLE = 5000;
const MIB = 2 ** 20;

function canRunHere({ device }: JobSettings): boolean {
	return device === "auto" || usableDevices().includes(device);
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;

function inWords(
	settings: JobSettings,
	{ batchSize, gradientAccumulation, maxLength, gradientCheckpointing, totalBytes }: FittingSettings,
): string {
	const { batch_size, gradient_accumulation, gradient_checkpointing } = settings.training;
	const parts = [
		...(batchSize === batch_size ? [] : [`training.batch_size ${batchSize}`]),
		...(gradientAccumulation === gradient_accumulation ? [] : [`training.gradient_accumulation ${gradientAccumulation}`]),
		...(maxLength === settings.max_length ? [] : [`max_length ${maxLength}`]),
		...(gradientCheckpointing === gradient_checkpointing ? [] : ["training.gradient_checkpointing true"]),
	];
	return `${parts.join(" with ")} (${mib(totalBytes)})`;
}

function doesNotFit(settings: JobSettings, { totalBytes, availableBytes, device, whatWouldFit }: JobEstimate): DakError {
	const fitting = whatWouldFit.map((found) => inWords(settings, found)).join(", or ");
	const detail = `found a job of about ${mib(totalBytes)}, allowed on ${device}: ${mib(availableBytes)}; ${fitting === "" ? "no batch of these texts and this base fits" : `what would fit: ${fitting}`}`;
	return new DakError("INSUFFICIENT_MEMORY", `/training/batch_size: ${detail}`, {
		fields: [{ pointer: "/training/batch_size", detail }],
		details: { estimated_bytes: totalBytes, available_bytes: availableBytes },
	});
}

export class Estimates {
	constructor(private readonly options: EstimatesOptions) {}

	/** Most that jobs may hold together on the device that they get by default. */
	get budgetBytes(): number {
		return memoryLimit(this.#limits(this.#deviceOf(undefined)));
	}

	/** Whether some node runs jobs that ask for a device. */
	async runsElsewhere(device: JobSettings["device"]): Promise<boolean> {
		return (await this.options.largestBytes(device)) !== undefined;
	}

	/** The whole estimate. @throws MODEL_NOT_FOUND if the base model is not on this machine yet; what the dataset or model is refused for */
	of(settings: JobSettings): Promise<JobEstimate> {
		const limit = memoryLimit(this.#limits(this.#deviceOf(settings)));
		return this.#estimate(settings, limit, true);
	}

	/**
	 * The memory of a job that is submitted; undefined where it cannot be told yet.
	 * @throws INSUFFICIENT_MEMORY if it could not run on any machine, empty
	 */
	async admit(settings: JobSettings): Promise<number | undefined> {
		// Only a node that has the device can tell.
		if (!canRunHere(settings)) return undefined;
		const own = memoryLimit(this.#limits(this.#deviceOf(settings)));
		const limit = (await this.options.largestBytes(settings.device)) ?? own;
		// A data set of the hub is brought when the job's turn comes.
		const estimate = "hub" in settings.dataset ? undefined : await this.#unlessBroken(settings, limit);
		if (estimate && !estimate.fits) throw doesNotFit(settings, estimate);
		return estimate?.totalBytes;
	}

	/**
	 * The memory of a job whose turn has come. `othersHold`: what jobs beside it hold.
	 * @throws INSUFFICIENT_MEMORY if less is free than it needs
	 */
	async start(settings: JobSettings, known: number | undefined, othersHold: number): Promise<number | undefined> {
		const free = memoryBudget(this.#limits(this.#deviceOf(settings)), othersHold) - othersHold;
		if (known !== undefined && known <= free) return known;
		const estimate = await this.#unlessBroken(settings, free);
		if (estimate && !estimate.fits) throw doesNotFit(settings, estimate);
		return estimate?.totalBytes;
	}

	/** An estimator that fails must not keep anybody from training. */
	async #unlessBroken(settings: JobSettings, availableBytes: number): Promise<JobEstimate | undefined> {
		try {
			return await this.#estimate(settings, availableBytes, false);
		} catch (error) {
			const { reason, row } = toDakError(error);
			// It is fetched when the job's turn comes.
			if (reason === "MODEL_NOT_FOUND") return undefined;
			if (row.http < 500) throw error;
			this.options.logger.warn({ err: error }, "a job's memory could not be estimated");
			return undefined;
		}
	}

	async #estimate(settings: JobSettings, availableBytes: number, time: boolean): Promise<JobEstimate> {
		const { estimator, models, threads, pastSpeeds } = this.options;
		const { path } = await resolveModel(settings.base_model, models);
		return estimator.estimate({
			settings: { ...settings, dataset: { texts: [] }, device: this.#deviceOf(settings) },
			modelPath: path,
			sample: await this.#sample(settings),
			threads,
			availableBytes,
			time,
			pastTokensPerSecond: await pastSpeeds(settings),
		});
	}

	async #sample({ dataset, text_column, text_template }: JobSettings): Promise<TextSample> {
		const { datasets } = this.options;
		const sample =
			"texts" in dataset
				? await sampleTexts(dataset.texts, Buffer.byteLength(dataset.texts.join("\n")), SAMPLE)
				: await datasets.sample(dataset, { textColumn: text_column, textTemplate: text_template }, SAMPLE);
		if (sample.texts.length >= 2) return sample;
		const detail = `found ${sample.texts.length} different texts, allowed: at least 2`;
		throw new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });
	}

	#deviceOf(settings: JobSettings | undefined): DeviceKind {
		const { device } = this.options;
		return chooseDevice(settings === undefined || settings.device === "auto" ? device : settings.device).kind;
	}

	#limits(device: DeviceKind) {
		return { device, settingMib: this.options.memoryMib, deviceMemory: this.options.deviceMemory };
	}
}
