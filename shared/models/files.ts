/** Which files make a base model, on disk and on the hub. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const WEIGHTS = "model.safetensors";

/** Whether a folder holds a base model's configuration and weights. */
export const isModelFolder = (folder: string): boolean => existsSync(join(folder, "config.json")) && existsSync(join(folder, WEIGHTS));

/** Files that are wanted where a model has them; all others (pickled weights, ONNX, other frameworks') are never fetched. */
const WANTED = [
	/^(?:config|modules|sentence_bert_config|config_sentence_transformers)\.json$/,
	/^(?:tokenizer|tokenizer_config|special_tokens_map|added_tokens)\.json$/,
	/^\d+_[A-Za-z]+\/config\.json$/,
	/^model\.safetensors$/,
	/^(?:vocab\.txt|README\.md|LICENSE)$/,
];

export const isWanted = (path: string): boolean => WANTED.some((pattern) => pattern.test(path));

/** What a model cannot do without. */
export const REQUIRED: readonly string[] = ["config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"];
