export { trainingProcess } from "./entry.js";
export { createNoise, type Noise, type NoiseSettings } from "./noise/index.js";
export type * from "./protocol.js";
export { recipeOf, widestObjective } from "./recipe.js";
export { loraOptions, stepOptions } from "./step-options.js";
export { epochOrder, loadTexts, TextSource } from "./texts.js";
export { type StepResult, Trainer, type TrainerOptions, totalSteps } from "./trainer.js";
export { SAMPLED_TOKENS, Vocabulary } from "./vocabulary.js";
