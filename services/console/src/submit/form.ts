/** What the form holds, and the job that it makes. */
import type { LabelledQueries } from "./labelled.js";

export interface Form {
	readonly baseModel: string;
	readonly adapterName: string;
	readonly textColumn: string;
	readonly textTemplate: string;
	readonly maxLength: number;
	readonly epochs: number;
	/** Steps in place of epochs; 0: none. */
	readonly maxSteps: number;
	readonly batchSize: number;
	readonly gradientAccumulation: number;
	/** Layers are computed twice, for less memory. */
	readonly checkpointing: boolean;
	readonly learningRate: number;
	readonly rank: number;
	/** Share of the texts that is held out. */
	readonly validation: number;
	readonly publish: string;
	readonly labelled: LabelledQueries | undefined;
}

export const DEFAULTS: Form = {
	baseModel: "",
	adapterName: "",
	textColumn: "",
	textTemplate: "",
	maxLength: 64,
	epochs: 1,
	maxSteps: 0,
	batchSize: 32,
	gradientAccumulation: 1,
	checkpointing: false,
	learningRate: 3e-4,
	rank: 16,
	validation: 0,
	publish: "if_not_worse",
	labelled: undefined,
};

/** A file's name as an adapter may be called. */
export function nameFrom(filename: string): string {
	const stem = filename.replace(/\.(gz|zst)$/i, "").replace(/\.[^.]*$/, "");
	return stem
		.normalize("NFKD")
		.replace(/[^A-Za-z0-9._-]+/g, "-")
		.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")
		.slice(0, 64);
}

/** The JobSpec, without what is the service's default. */
export function specOf(form: Form, upload: string): Record<string, unknown> {
	return {
		base_model: form.baseModel,
		dataset: { upload },
		...(form.adapterName === "" ? {} : { adapter_name: form.adapterName }),
		...(form.textTemplate !== "" ? { text_template: form.textTemplate } : form.textColumn !== "" ? { text_column: form.textColumn } : {}),
		max_length: form.maxLength,
		lora: { r: form.rank },
		training: {
			epochs: form.epochs,
			...(form.maxSteps > 0 ? { max_steps: form.maxSteps } : {}),
			batch_size: form.batchSize,
			gradient_accumulation: form.gradientAccumulation,
			gradient_checkpointing: form.checkpointing,
			learning_rate: form.learningRate,
		},
		...(form.validation > 0 ? { validation: { ratio: form.validation } } : {}),
		...(form.labelled === undefined ? {} : { evaluation: form.labelled }),
		publish: form.publish,
	};
}
