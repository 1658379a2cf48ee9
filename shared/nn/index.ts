export { Random } from "../random/index.js";
export { type BatchOptions, batchFeeds, type TrainingText } from "./batch.js";
export { Encoder, type EncoderOptions } from "./encoder.js";
export { FrozenFeeds, type FrozenFeedsOptions } from "./frozen-feeds.js";
export type { FrozenInput } from "./frozen-weights.js";
export { type LoraOptions, loraA, loraB } from "./lora.js";
export * from "./optimizer/index.js";
export { type Init, initialValues, type ParameterGroup, type ParameterSpec, sizeOf } from "./parameters.js";
export { buildTrainingStep, needsCleanVectors, type Objective, type TrainingStep, type TrainingStepOptions } from "./training-step.js";
