/** The training step that a job runs: one description for those who run it and for those who only estimate it. */
import type { BaseModel, Pooling } from "@dak/shared/models";
import type { LoraOptions, TrainingStepOptions } from "@dak/shared/nn";
import { adaptedModules, type JobSettings, type TrainingSettings } from "../jobs/index.js";
import type { Vocabulary } from "./vocabulary.js";
import { tableType } from "./word-embeddings.js";

export const loraOptions = (base: BaseModel, { lora }: JobSettings): LoraOptions => ({
	r: lora.r,
	alpha: lora.alpha ?? 2 * lora.r,
	targetModules: adaptedModules(lora.target_modules, base.encoder),
});

/** Whether the anchor is on whitened similarities. */
export const whitensAnchor = ({ anchor, anchor_whitening }: TrainingSettings["objective"]): boolean => anchor > 0 && anchor_whitening > 0;

export function stepOptions(
	base: BaseModel,
	settings: TrainingSettings,
	pooling: Pooling,
	vocabulary: Pick<Vocabulary, "size" | "whole">,
): TrainingStepOptions {
	return {
		config: base.encoder,
		pooling,
		quantized: settings.quantization.kind === "nf4",
		lora: loraOptions(base, settings),
		objective: settings.objective,
		anchorTransformed: whitensAnchor(settings.objective),
		embeddingRows: vocabulary.size,
		vocabularyRows: vocabulary.size,
		tableType: tableType(base, vocabulary),
		checkpointing: settings.training.gradient_checkpointing,
		frozenProducts: settings.training.mixed_precision === "fp16" ? "float16" : "float32",
	};
}
