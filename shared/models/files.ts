/** Which files make a base model, on disk and on the hub. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const WEIGHTS = "model.safetensors";
/** In place of it: which of several files holds which tensor. */
export const WEIGHTS_INDEX = "model.safetensors.index.json";

/** Whether a folder holds a base model's configuration and weights. */
export const isModelFolder = (folder: string): boolean =>
	existsSync(join(folder, "config.json")) && [WEIGHTS, WEIGHTS_INDEX].some((name) => existsSync(join(folder, name)));

/** Files that are wanted where a model has them; all others (pickled weights, ONNX, other frameworks') are never fetched. */
const WANTED = [
	/^(?:config|modules|sentence_bert_config|config_sentence_transformers)\.json$/,
	/^(?:tokenizer|tokenizer_config|special_tokens_map|added_tokens)\.json$/,
	/^\d+_[A-Za-z]+\/config\.json$/,
	/^model\.safetensors$/,
	/^model\.safetensors\.index\.json$/,
	/^model-\d{5}-of-\d{5}\.safetensors$/,
	/^(?:vocab\.txt|README\.md|LICENSE)$/,
];

export const isWanted = (path: string): boolean => WANTED.some((pattern) => pattern.test(path));

/** What a model cannot do without. */
const REQUIRED: readonly string[] = ["config.json", "tokenizer.json", "tokenizer_config.json"];

/** Which of the files that a model cannot do without a list of paths lacks. */
export function missingFiles(paths: readonly string[]): string[] {
	const missing = REQUIRED.filter((path) => !paths.includes(path));
	return paths.includes(WEIGHTS) || paths.includes(WEIGHTS_INDEX) ? missing : [WEIGHTS, ...missing];
}
