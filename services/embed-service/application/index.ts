export {
	EmbedApplication,
	type EmbedApplicationOptions,
	type EmbedRequest,
	type EmbedResult,
	type SimilarityResult,
} from "./embed-application.js";
export type { LongTexts, TextInput, TokenizeSettings } from "./text-inputs.js";
export { cosine } from "./vectors.js";
