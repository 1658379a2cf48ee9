/** From what a request says to token ids, each checked against what the model can take. */
import { DakError, invalidField } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import type { Tokenizer } from "@dak/shared/tokenization";

/** A text, or the ids of one that the client has tokenised itself. */
export type TextInput = string | readonly number[];

export interface TokenizeSettings {
	/** Cut longer texts; else they are refused. */
	readonly truncate: boolean;
	readonly truncationDirection: "left" | "right";
	readonly promptName?: string | undefined;
}

export class TextInputs {
	constructor(
		private readonly base: Pick<BaseModel, "prompts" | "defaultPromptName" | "maxSeqLength" | "encoder">,
		private readonly tokenizer: Tokenizer,
		private readonly maxTextBytes: number,
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

	/** @throws TOKENIZATION_FAILED, PAYLOAD_TOO_LARGE for a text that is too long and may not be cut, EMPTY_INPUT, INVALID_REQUEST */
	ids(input: TextInput, index: number, settings: TokenizeSettings): Int32Array {
		return typeof input === "string" ? this.#encode(input, index, settings) : this.#given(input, index, settings);
	}

	#encode(text: string, index: number, { truncate, truncationDirection, promptName }: TokenizeSettings): Int32Array {
		if (text === "") throw new DakError("EMPTY_INPUT", `inputs/${index}: found an empty text; allowed: at least one character`);
		const { maxSeqLength } = this.base;
		const bytes = Buffer.byteLength(text);
		if (bytes > this.maxTextBytes)
			throw new DakError("PAYLOAD_TOO_LARGE", `inputs/${index}: found ${bytes} bytes, allowed: ${this.maxTextBytes} bytes a text`);
		const ids = this.tokenizer.encode(this.prompt(promptName) + text, truncate ? { maxLength: maxSeqLength, truncationDirection } : {});
		if (ids.length > maxSeqLength) throw tooLong(index, ids.length, maxSeqLength);
		return ids;
	}

	#given(ids: readonly number[], index: number, { truncate, truncationDirection }: TokenizeSettings): Int32Array {
		const { encoder, maxSeqLength } = this.base;
		if (ids.length === 0) throw new DakError("EMPTY_INPUT", `inputs/${index}: found no token; allowed: at least one`);
		const wrong = ids.find((id) => id >= encoder.vocabSize);
		if (wrong !== undefined) throw invalidField(`/inputs/${index}`, `found token id ${wrong}, allowed: 0 to ${encoder.vocabSize - 1}`);
		if (ids.length > maxSeqLength && !truncate) throw tooLong(index, ids.length, maxSeqLength);
		return Int32Array.from(truncationDirection === "left" ? ids.slice(-maxSeqLength) : ids.slice(0, maxSeqLength));
	}
}

function tooLong(index: number, found: number, allowed: number): DakError {
	return new DakError(
		"PAYLOAD_TOO_LARGE",
		`inputs/${index}: found ${found} tokens, allowed: ${allowed}; set truncate to have longer texts cut`,
	);
}
