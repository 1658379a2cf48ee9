export { type BatchOptions, batchFeeds, type TrainingText } from "./batch.js";
export type { FrozenInput } from "./frozen-weights.js";
export * from "./optimizer/index.js";
export { type Init, initialValues, type ParameterGroup, type ParameterSpec, sizeOf } from "./parameters.js";
export { Random } from "./random.js";
export {
	buildTrainingStep,
	type LoraOptions,
	needsCleanVectors,
	type Objective,
	type TrainingStep,
	type TrainingStepOptions,
} from "./training-step.js";
