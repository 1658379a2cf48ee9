/** A base model's tokenizer over @huggingface/tokenizers, whose ids equal the Python library's. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { DakError } from "../errors/index.js";
import type { EncodeOptions, TokenizedPiece, Tokenizer } from "./types.js";

/** Largest tokenizer.json that is read: the biggest vocabularies in use take about 40 MB. */
const MAX_FILE_BYTES = 100 * 1024 * 1024;

function readJson(path: string): { readonly bytes: Buffer; readonly value: Record<string, unknown> } {
	let bytes: Buffer;
	try {
		bytes = readFileSync(path);
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${path}: cannot be read`, { cause });
	}
	if (bytes.length > MAX_FILE_BYTES) throw new DakError("INVALID_MODEL", `${path}: ${bytes.length} bytes, allowed: ${MAX_FILE_BYTES}`);
	try {
		const value: unknown = JSON.parse(bytes.toString("utf8"));
		if (typeof value === "object" && value !== null) return { bytes, value: value as Record<string, unknown> };
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${path}: no JSON`, { cause });
	}
	throw new DakError("INVALID_MODEL", `${path}: no JSON object`);
}

/** Opens the tokenizer of a model folder. @throws INVALID_MODEL if a file is missing or not understood */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
	const { bytes, value } = readJson(join(folder, "tokenizer.json"));
	const config = readJson(join(folder, "tokenizer_config.json")).value;
	try {
		return new FolderTokenizer(new HubTokenizer(value, config), createHash("sha256").update(bytes).digest("hex"), config);
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${folder}/tokenizer.json: not understood: ${String(cause)}`, { cause });
	}
}

class FolderTokenizer implements Tokenizer {
	readonly vocabSize: number;
	readonly unknownId: number | undefined;
	readonly specialIds: ReadonlySet<number>;
	/** Special tokens before and after a text. */
	readonly #before: readonly number[];
	readonly #after: readonly number[];

	constructor(
		private readonly inner: HubTokenizer,
		readonly hash: string,
		config: Record<string, unknown>,
	) {
		this.vocabSize = inner.get_vocab(true).size;
		this.specialIds = new Set([...inner.get_added_tokens_decoder()].filter(([, token]) => token.special).map(([id]) => id));
		const unknown = config.unk_token;
		const name = typeof unknown === "string" ? unknown : ((unknown as { content?: string } | undefined)?.content ?? "");
		this.unknownId = inner.token_to_id(name);
		const around: number[] = inner.encode("", {}).ids;
		const separator = around.findIndex((id, i) => i > 0 && id !== around[0]);
		this.#before = around.slice(0, separator < 0 ? around.length : separator);
		this.#after = separator < 0 ? [] : around.slice(separator);
	}

	encode(text: string, options: EncodeOptions = {}): Int32Array {
		const special = options.addSpecialTokens ?? true;
		const ids = this.#plain(text);
		const [before, after] = special ? [this.#before, this.#after] : [[], []];
		const room = Math.max(0, (options.maxLength ?? Number.POSITIVE_INFINITY) - before.length - after.length);
		const kept = ids.length <= room ? ids : options.truncationDirection === "left" ? ids.slice(ids.length - room) : ids.slice(0, room);
		return Int32Array.from([...before, ...kept, ...after]);
	}

	tokenize(text: string, options: EncodeOptions = {}): TokenizedPiece[] {
		return Array.from(this.encode(text, options), (id) => ({
			id,
			text: this.inner.id_to_token(id) ?? "",
			special: this.specialIds.has(id),
		}));
	}

	decode(ids: ArrayLike<number>): string {
		return this.inner.decode(Array.from(ids), { skip_special_tokens: true });
	}

	#plain(text: string): readonly number[] {
		if (!text.isWellFormed()) throw new DakError("TOKENIZATION_FAILED", "the text holds a lone surrogate: no valid Unicode");
		try {
			return this.inner.encode(text, { add_special_tokens: false }).ids;
		} catch (cause) {
			throw new DakError("TOKENIZATION_FAILED", `the tokenizer refused the text: ${String(cause)}`, { cause });
		}
	}
}
