/** The prepared texts of a job, tokenised once; noisy forms are made as they are needed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { DakError } from "@dak/shared/errors";
import { Random, type TrainingText } from "@dak/shared/nn";
import type { Tokenizer } from "@dak/shared/tokenization";
import { createNoise, type Noise, type NoiseSettings } from "./noise/index.js";
import type { Vocabulary } from "./vocabulary.js";

export interface LoadedTexts {
	readonly texts: readonly string[];
	/** SHA-256 of the file's bytes, hex. */
	readonly hash: string;
}

/** Reads a prepared dataset: one JSON string a line. @throws INVALID_DATASET for fewer texts than `atLeast` */
export async function loadTexts(file: string, atLeast = 2): Promise<LoadedTexts> {
	const hash = createHash("sha256");
	const stream = createReadStream(file);
	stream.on("data", (chunk) => hash.update(chunk));
	const texts: string[] = [];
	for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
		if (line !== "") texts.push(JSON.parse(line) as string);
	}
	if (texts.length < atLeast)
		throw new DakError("INVALID_DATASET", `/dataset: found ${texts.length} texts, training needs at least ${atLeast}`);
	return { texts, hash: hash.digest("hex") };
}

export interface TextSourceOptions {
	readonly tokenizer: Tokenizer;
	readonly maxLength: number;
	/** Put before each text, noisy or clean, as the base wants it. */
	readonly prompt: string;
	readonly noise: NoiseSettings;
	readonly seed: number;
}

/** Clean ids of every text, and its noisy ids in a given epoch. */
export class TextSource {
	readonly clean: readonly Int32Array[];
	readonly #noise: Noise;

	/** What is put before each text. */
	get prompt(): string {
		return this.options.prompt;
	}

	/** What a token becomes that the vocabulary lacks; byte-level tokenizers know no unknown one. */
	get unknownId(): number {
		return this.options.tokenizer.unknownId ?? 0;
	}

	/**
	 * Ids of each different word as a text's first. Where words before it are deleted it becomes that, and byte-level tokenizers
	 * have other tokens for it than behind a space, which no clean text may hold.
	 */
	openings(): Int32Array[] {
		const words = new Set(this.texts.flatMap((text) => text.split(/\s+/u)));
		return [...words].map((word) => this.#encode(word));
	}

	constructor(
		readonly texts: readonly string[],
		private readonly options: TextSourceOptions,
	) {
		this.clean = texts.map((text) => this.#encode(text));
		this.#noise = createNoise(options.noise, texts);
	}

	/** What a step is fed with; the noise depends on seed, epoch and text alone. */
	trainingText(index: number, epoch: number, vocabulary: Vocabulary): TrainingText {
		const { seed } = this.options;
		const noisy = this.#noise(this.texts[index]!, Random.for(seed, "noise", epoch, index));
		const clean = vocabulary.remap(this.clean[index]!);
		return { noisy: vocabulary.remap(this.#encode(noisy), this.unknownId), clean, labels: clean };
	}

	#encode(text: string): Int32Array {
		return this.options.tokenizer.encode(this.options.prompt + text, { maxLength: this.options.maxLength });
	}
}

/** The order of an epoch's texts. */
export function epochOrder(count: number, epoch: number, seed: number): number[] {
	return Random.for(seed, "order", epoch).shuffle(Array.from({ length: count }, (_, i) => i));
}
