/** A base model's shape and tokenizer; the last one stays open, since the next estimate is often of the same base. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type BaseModel, openBaseModel } from "@dak/shared/models";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";

interface Opened {
	readonly key: string;
	/** Its weights file is closed: only what its header says is of use here. */
	readonly base: BaseModel;
	readonly tokenizer: Tokenizer;
}

let last: Opened | undefined;

const keyOf = (path: string): string => {
	const written = ["config.json", "model.safetensors", "tokenizer.json"].map(
		(name) => statSync(join(path, name), { throwIfNoEntry: false })?.mtimeMs,
	);
	return [path, ...written].join(" ");
};

/** @throws INVALID_MODEL */
export async function openForEstimates(path: string): Promise<Opened> {
	const key = keyOf(path);
	if (last?.key === key) return last;
	last = undefined;
	const base = await openBaseModel({ ref: path, path, source: "local" });
	base.weights.close();
	last = { key, base, tokenizer: await loadTokenizer(path) };
	return last;
}
