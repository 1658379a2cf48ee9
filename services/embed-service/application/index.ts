export { EmbedApplication, type EmbedApplicationOptions, type EmbedRequest, type EmbedResult } from "./embed-application.js";
export type { TextInput, TokenizeSettings } from "./text-inputs.js";
export { cosine } from "./vectors.js";
