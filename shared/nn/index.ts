export { type BatchOptions, batchFeeds, type TrainingText } from "./batch.js";
export type { FrozenInput } from "./frozen-weights.js";
export { type Init, type ParameterGroup, type ParameterSpec, sizeOf } from "./parameters.js";
export {
	buildTrainingStep,
	type LoraOptions,
	needsCleanVectors,
	type Objective,
	type TrainingStep,
	type TrainingStepOptions,
} from "./training-step.js";
