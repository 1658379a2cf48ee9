/**
 * From a user's texts to those that a job trains on, one JSON string a line. Two passes over files, so that what is held grows with
 * the number of texts (some bytes each), never with their length: every text is cleaned and written; then it is decided which stay.
 */
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { loadTokenizer } from "@dak/shared/tokenization";
import { type DatasetStatistics, FEWEST_TEXTS, refuseNumbers, refuseUnknown, Tally, tooFew, warningsOf } from "../statistics/index.js";
import { chooseTexts, ROLE } from "./choose.js";
import { CleanPass, type Counting } from "./clean-pass.js";
import { inPieces, LineFile } from "./line-file.js";
import type { BaseTokenizer, PreparationOptions } from "./options.js";

export interface Outputs {
	/** Appears whole or not at all. */
	readonly texts: string;
	/** Texts that are held out; written where the ratio is not 0. */
	readonly validation: string;
}

/** @throws INVALID_DATASET for texts that cannot be trained on, saying what was found and what is allowed */
export async function prepareTexts(
	texts: AsyncIterable<string>,
	outputs: Outputs,
	options: PreparationOptions,
	base?: BaseTokenizer | undefined,
): Promise<DatasetStatistics> {
	const counting = base && { base, tokenizer: await loadTokenizer(base.folder) };
	const scratch = [outputs.texts, outputs.validation].map((path) => `${path}.partial`);
	const cleaned = `${outputs.texts}.cleaned`;
	try {
		const pass = new CleanPass(options, counting);
		await pipeline(inPieces(pass.lines(texts)), createWriteStream(cleaned));
		if (pass.count < FEWEST_TEXTS) throw tooFew(pass.count);
		const statistics = await selectTexts(cleaned, pass, scratch, options, counting);
		for (const [i, path] of [outputs.texts, outputs.validation].entries()) renameSync(scratch[i]!, path);
		if (statistics.validation_texts === 0) rmSync(outputs.validation);
		return statistics;
	} finally {
		for (const path of [cleaned, ...scratch]) rmSync(path, { force: true });
	}
}

async function selectTexts(
	cleaned: string,
	pass: CleanPass,
	[textsFile, validationFile]: readonly string[],
	options: PreparationOptions,
	counting: Counting | undefined,
): Promise<DatasetStatistics> {
	const file = new LineFile(cleaned);
	try {
		const choice = await chooseTexts(file, pass.count, options);
		const tally = new Tally(counting && { ref: counting.base.ref, tokenizer: counting.tokenizer, maxLength: counting.base.maxLength });
		let heldOut = 0;
		const trained = linesOf(file, (line) => choice.roles[line] === ROLE.training);
		await pipeline(inPieces(passing(trained, (text, line) => tally.add(text, line))), createWriteStream(textsFile!));
		if (tally.count < FEWEST_TEXTS) throw tooFew(tally.count);
		const validation = linesOf(file, (line) => choice.roles[line] === ROLE.validation);
		await pipeline(inPieces(passing(validation, () => heldOut++)), createWriteStream(validationFile!));
		return await statisticsOf(pass, choice, tally, heldOut, options);
	} finally {
		file.close();
	}
}

async function* linesOf(file: LineFile, wanted: (line: number) => boolean): AsyncGenerator<string> {
	for await (const { text } of file.lines(wanted)) yield text;
}

/** Texts as lines, each shown to `see` before it goes on. */
async function* passing(texts: AsyncIterable<string>, see: (text: string, line: string) => void): AsyncGenerator<string> {
	for await (const text of texts) {
		const line = `${JSON.stringify(text)}\n`;
		see(text, line);
		yield line;
	}
}

async function statisticsOf(
	pass: CleanPass,
	choice: { readonly sampledOut: number; readonly nearDuplicates: number },
	tally: Tally,
	heldOut: number,
	{ refuseUnknown: refuses }: PreparationOptions,
): Promise<DatasetStatistics> {
	const measured = await tally.measured();
	refuseNumbers(tally.count, measured);
	const { withoutLetters, ...facts } = measured;
	const counts = {
		texts: tally.count,
		validation_texts: heldOut,
		records: pass.records,
		blank_removed: pass.blank,
		split: pass.split,
		too_long_removed: pass.tooLong,
		too_short_removed: pass.tooShort,
		duplicates_removed: pass.duplicates,
		near_duplicates_removed: choice.nearDuplicates,
		sampled_out: choice.sampledOut,
		...facts,
	};
	const statistics = { ...counts, warnings: warningsOf(counts, withoutLetters) };
	if (refuses) refuseUnknown(statistics);
	return statistics;
}
