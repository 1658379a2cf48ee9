/** The training step that a job runs: one description for those who run it and for those who only estimate it. */
import type { BaseModel, Pooling } from "@dak/shared/models";
import type { TrainingStepOptions } from "@dak/shared/nn";
import type { TrainingSettings } from "../jobs/index.js";
import type { Vocabulary } from "./vocabulary.js";
import { tableType } from "./word-embeddings.js";

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
		lora: { r: settings.lora.r, alpha: settings.lora.alpha ?? 2 * settings.lora.r, targetModules: settings.lora.target_modules },
		objective: settings.objective,
		anchorTransformed: whitensAnchor(settings.objective),
		embeddingRows: vocabulary.size,
		vocabularyRows: vocabulary.size,
		tableType: tableType(base, vocabulary),
		checkpointing: settings.training.gradient_checkpointing,
		frozenProducts: settings.training.mixed_precision === "fp16" ? "float16" : "float32",
	};
}
