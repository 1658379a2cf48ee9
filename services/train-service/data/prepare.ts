/** From a user's file to the texts that a job trains on: cleaned, without duplicates, one JSON string a line. */
import { createHash } from "node:crypto";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { DakError } from "@dak/shared/errors";
import { Random } from "@dak/shared/nn";
import { hasLongMarkRun } from "@dak/shared/tokenization";
import type { DatasetFile } from "./format.js";
import { type ReadOptions, readTexts } from "./read.js";

export interface DatasetStatistics {
	/** Texts that are left. */
	readonly texts: number;
	readonly duplicates_removed: number;
	readonly blank_removed: number;
	readonly characters: { readonly min: number; readonly mean: number; readonly p50: number; readonly p95: number; readonly max: number };
	/** A few of them, chosen at random with a fixed seed. */
	readonly sample: readonly string[];
	/** SHA-256 of the prepared texts. */
	readonly sha256: string;
	readonly warnings: readonly string[];
}

/** Unicode's composed form, white space collapsed. A text that no library composes in reasonable time keeps its form. */
export function cleanText(text: string): string {
	return (hasLongMarkRun(text) ? text : text.normalize("NFC")).replace(/\s+/g, " ").trim();
}

const FEWEST_TEXTS = 2;
const FEW_TEXTS = 100;
const SAMPLE = 5;

function tooFew(found: number): DakError {
	const detail = `found ${found} different ${found === 1 ? "text" : "texts"}, allowed: at least ${FEWEST_TEXTS}, some hundreds to be of use`;
	return new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });
}

/** Reads the first texts only: enough to refuse a file that cannot be trained on, whatever its size. @throws INVALID_DATASET */
export async function inspectTexts(texts: AsyncIterable<string>, limit = 1000): Promise<void> {
	const seen = new Set<string>();
	let read = 0;
	for await (const text of texts) {
		const clean = cleanText(text);
		if (clean !== "") seen.add(clean);
		if (++read >= limit && seen.size >= FEWEST_TEXTS) return;
	}
	if (seen.size < FEWEST_TEXTS) throw tooFew(seen.size);
}

/** As `prepareTexts`, from a file. */
export function prepareDataset(file: DatasetFile, outFile: string, options: ReadOptions): Promise<DatasetStatistics> {
	return prepareTexts(readTexts(file, options), outFile);
}

/** Writes the prepared texts to `outFile`, which appears whole or not at all. @throws INVALID_DATASET */
export async function prepareTexts(texts: AsyncIterable<string>, outFile: string): Promise<DatasetStatistics> {
	const partial = `${outFile}.partial`;
	const tally = new Tally();
	try {
		await pipeline(tally.lines(texts), createWriteStream(partial));
		if (tally.count < FEWEST_TEXTS) throw tooFew(tally.count);
		renameSync(partial, outFile);
		return tally.statistics();
	} catch (error) {
		rmSync(partial, { force: true });
		throw error;
	}
}

/** Counts and hashes texts as they pass. */
class Tally {
	readonly #seen = new Set<string>();
	readonly #lengths: number[] = [];
	readonly #hash = createHash("sha256");
	readonly #random = new Random(1);
	readonly #sample: string[] = [];
	#duplicates = 0;
	#blank = 0;
	#numeric = 0;

	get count(): number {
		return this.#lengths.length;
	}

	/** What is to be written. */
	async *lines(texts: AsyncIterable<string>): AsyncGenerator<string> {
		for await (const text of texts) {
			const line = this.#take(cleanText(text));
			if (line !== undefined) yield line;
		}
	}

	/** The line to write, or nothing for a text that is blank or known. */
	#take(text: string): string | undefined {
		if (text === "") this.#blank++;
		else if (this.#seen.has(text)) this.#duplicates++;
		else return this.#keep(text);
		return undefined;
	}

	#keep(text: string): string {
		this.#seen.add(text);
		this.#lengths.push(text.length);
		if (!/\p{L}/u.test(text)) this.#numeric++;
		// Reservoir sampling: each text is as likely as any other.
		if (this.#sample.length < SAMPLE) this.#sample.push(text);
		else {
			const at = this.#random.below(this.count);
			if (at < SAMPLE) this.#sample[at] = text;
		}
		const line = `${JSON.stringify(text)}\n`;
		this.#hash.update(line);
		return line;
	}

	statistics(): DatasetStatistics {
		const sorted = this.#lengths.toSorted((a, b) => a - b);
		const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
		return {
			texts: this.count,
			duplicates_removed: this.#duplicates,
			blank_removed: this.#blank,
			characters: {
				min: sorted[0]!,
				mean: Math.round(sorted.reduce((a, b) => a + b, 0) / sorted.length),
				p50: at(0.5),
				p95: at(0.95),
				max: sorted.at(-1)!,
			},
			sample: this.#sample,
			sha256: this.#hash.digest("hex"),
			warnings: this.#warnings(),
		};
	}

	#warnings(): string[] {
		const warnings: string[] = [];
		if (this.count < FEW_TEXTS) warnings.push(`${this.count} texts are few: some hundreds are needed to learn a domain's language`);
		if (this.#numeric > this.count / 2) warnings.push(`${this.#numeric} of ${this.count} texts hold no letter: is this the right column?`);
		return warnings;
	}
}
