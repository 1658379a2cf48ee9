/** From what a request says to token ids, each checked against what the model can take. */
import { DakError, invalidField } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import type { Tokenizer } from "@dak/shared/tokenization";

/** A text, or the ids of one that the client has tokenised itself. */
export type TextInput = string | readonly number[];

/** What is done with a text that is longer than the model takes. */
export type LongTexts = "refuse" | "truncate" | "window";

export interface TokenizeSettings {
	/** Undefined: as the service is configured. */
	readonly longTexts?: LongTexts | undefined;
	/** Which end is cut off. */
	readonly truncationDirection: "left" | "right";
	readonly promptName?: string | undefined;
}

export class TextInputs {
	constructor(
		private readonly base: Pick<BaseModel, "prompts" | "defaultPromptName" | "maxSeqLength" | "encoder">,
		private readonly tokenizer: Tokenizer,
		private readonly maxTextBytes: number,
		private readonly longTexts: "refuse" | "truncate",
	) {}

	/** What is put before a text. @throws INVALID_REQUEST for an unknown name */
	prompt(name: string | undefined): string {
		const wanted = name ?? this.base.defaultPromptName;
		if (wanted === undefined) return "";
		if (!Object.hasOwn(this.base.prompts, wanted)) {
			const names = Object.keys(this.base.prompts);
			throw invalidField(
				"/prompt_name",
				`found ${JSON.stringify(wanted.slice(0, 64))}, allowed: ${names.length > 0 ? names.join(", ") : "none, this model has no prompts"}`,
			);
		}
		return this.base.prompts[wanted]!;
	}

	/**
	 * The ids that a text is embedded by: one list, or with windows as many as it needs.
	 * @throws TOKENIZATION_FAILED, PAYLOAD_TOO_LARGE for a text that is too long and may not be cut, EMPTY_INPUT, INVALID_REQUEST
	 */
	windows(input: TextInput, index: number, settings: TokenizeSettings): Int32Array[] {
		const longTexts = settings.longTexts ?? this.longTexts;
		if (typeof input !== "string") return [this.#given(input, index, longTexts, settings)];
		const text = this.#checked(input, index, settings);
		const { maxSeqLength } = this.base;
		const { truncationDirection } = settings;
		const ids = this.tokenizer.encode(text, longTexts === "truncate" ? { maxLength: maxSeqLength, truncationDirection } : {});
		if (ids.length <= maxSeqLength) return [ids];
		if (longTexts !== "window") throw tooLong(index, ids.length, maxSeqLength);
		return windowsOf(ids, this.#frame(ids, text, settings), maxSeqLength);
	}

	/** @throws INVALID_REQUEST for an id that the vocabulary lacks */
	checkIds(ids: readonly number[], pointer: string): void {
		const { vocabSize } = this.base.encoder;
		const wrong = ids.find((id) => id >= vocabSize);
		if (wrong !== undefined) throw invalidField(pointer, `found token id ${wrong}, allowed: 0 to ${vocabSize - 1}`);
	}

	/** The text behind its prompt. */
	#checked(text: string, index: number, { promptName }: TokenizeSettings): string {
		if (text === "") throw new DakError("EMPTY_INPUT", `inputs/${index}: found an empty text; allowed: at least one character`);
		const bytes = Buffer.byteLength(text);
		if (bytes > this.maxTextBytes)
			throw new DakError("PAYLOAD_TOO_LARGE", `inputs/${index}: found ${bytes} bytes, allowed: ${this.maxTextBytes} bytes a text`);
		return this.prompt(promptName) + text;
	}

	#given(ids: readonly number[], index: number, longTexts: LongTexts, { truncationDirection }: TokenizeSettings): Int32Array {
		const { maxSeqLength } = this.base;
		if (ids.length === 0) throw new DakError("EMPTY_INPUT", `inputs/${index}: found no token; allowed: at least one`);
		this.checkIds(ids, `/inputs/${index}`);
		// Where special tokens stand among given ids is not known, so these are not cut into windows.
		if (ids.length > maxSeqLength && longTexts !== "truncate") throw tooLong(index, ids.length, maxSeqLength);
		return Int32Array.from(truncationDirection === "left" ? ids.slice(-maxSeqLength) : ids.slice(0, maxSeqLength));
	}

	/** What every window begins and ends with: special tokens, and the prompt's tokens where there is one. */
	#frame(ids: Int32Array, text: string, { promptName }: TokenizeSettings): WindowFrame {
		const own = this.tokenizer.encode(text, { addSpecialTokens: false });
		const special = ids.length - own.length;
		const before = ids.findIndex((_, at) => at > special || own.every((id, i) => ids[at + i] === id));
		// The prompt's last piece may depend on what follows it, so only what both have in common is the prompt's.
		const prompt = this.tokenizer.encode(this.prompt(promptName), { addSpecialTokens: false });
		const different = prompt.findIndex((id, i) => own[i] !== id);
		return { before: before + (different < 0 ? prompt.length : different), after: special - before };
	}
}

interface WindowFrame {
	/** Tokens at the text's start that every window starts with. */
	readonly before: number;
	/** Tokens at its end that every window ends with. */
	readonly after: number;
}

/** As few windows as can be, of like length, without overlap. */
function windowsOf(ids: Int32Array, { before, after }: WindowFrame, maxLength: number): Int32Array[] {
	const body = ids.subarray(before, ids.length - after);
	const room = maxLength - before - after;
	if (room < 1)
		throw new DakError("PAYLOAD_TOO_LARGE", `the prompt has ${before + after} tokens with special ones, allowed: ${maxLength - 1}`);
	const count = Math.ceil(body.length / room);
	return Array.from({ length: count }, (_, i) => {
		const part = body.subarray(Math.floor((i * body.length) / count), Math.floor(((i + 1) * body.length) / count));
		return Int32Array.from([...ids.subarray(0, before), ...part, ...ids.subarray(ids.length - after)]);
	});
}

function tooLong(index: number, found: number, allowed: number): DakError {
	return new DakError(
		"PAYLOAD_TOO_LARGE",
		`inputs/${index}: found ${found} tokens, allowed: ${allowed}; set truncate to have longer texts cut, or long_texts to window`,
	);
}
