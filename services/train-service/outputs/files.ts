/** Files of a model folder that are not weights, and weights' files written piece by piece. */
import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DenseModule, sentenceTransformersFiles, writeDense } from "@dak/shared/adapters";
import type { BaseModel, Pooling } from "@dak/shared/models";
import { parseExact, writeExact } from "./exact-json.js";

/** What a tokenizer's files are called; the base's are copied where it has them. */
const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt"];
/** Keys of config.json that would be wrong of the written model, or would have its readers run code. */
const DROPPED = ["_name_or_path", "auto_map", "quantization_config", "dtype", "torch_dtype", "transformers.js_config"];

export interface ModelFiles {
	readonly base: BaseModel;
	readonly pooling: Pooling;
	/** As config.json says it. */
	readonly dtype: "float32" | "float16";
	/** Further keys of config.json. */
	readonly config?: Readonly<Record<string, unknown>>;
}

export interface SentenceModules extends Pick<ModelFiles, "base" | "pooling"> {
	readonly dense?: DenseModule | undefined;
}

/** Configuration, tokenizer and sentence-transformers' files. */
export function writeModelFiles(folder: string, { base, pooling, dtype, config = {} }: ModelFiles): void {
	const from = base.folder.path;
	mkdirSync(folder, { recursive: true });
	const own = parseExact(readFileSync(join(from, "config.json"), "utf8")) as Record<string, unknown>;
	const kept = Object.entries(own).filter(([key]) => !DROPPED.includes(key));
	writeJson(join(folder, "config.json"), { ...Object.fromEntries(kept), torch_dtype: dtype, ...config });
	for (const name of TOKENIZER_FILES) if (existsSync(join(from, name))) copyFileSync(join(from, name), join(folder, name));
	writeModules(folder, { base, pooling });
}

/** What sentence-transformers does behind the token states. */
export function writeModules(folder: string, { base, pooling, dense }: SentenceModules): void {
	const { hiddenSize } = base.encoder;
	const { normalize, prompts, defaultPromptName, maxSeqLength } = base;
	const modules = sentenceTransformersFiles({
		base: { hiddenSize, normalize, prompts, defaultPromptName },
		pooling,
		maxSeqLength,
		dense: dense !== undefined,
	});
	if (dense) writeDense(folder, dense);
	for (const [name, value] of modules) writeJson(join(folder, name), value);
}

function writeJson(path: string, value: unknown): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, `${writeExact(value, 2)}\n`);
}

/** Writes pieces one after the other, each made when the one before it is on its way to the disk. @returns bytes */
export function writePieces(path: string, pieces: Iterable<Uint8Array>): number {
	mkdirSync(dirname(path), { recursive: true });
	const descriptor = openSync(path, "w");
	let bytes = 0;
	try {
		for (const piece of pieces) {
			for (let done = 0; done < piece.byteLength; ) done += writeSync(descriptor, piece, done, Math.min(piece.byteLength - done, 2 ** 30));
			bytes += piece.byteLength;
		}
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
	return bytes;
}
