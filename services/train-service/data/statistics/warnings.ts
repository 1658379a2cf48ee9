/** What looks wrong with texts, in words that say what and why. */
import { DakError } from "@dak/shared/errors";
import type { Measured } from "./tally.js";
import type { DatasetStatistics } from "./types.js";

export const FEWEST_TEXTS = 2;
const FEW_TEXTS = 100;
/** Shares from which on something is said. */
const MANY_DUPLICATES = 0.5;
const MANY_UNKNOWN = 0.03;
const MOSTLY_UNKNOWN = 0.5;
const MANY_CUT = 0.2;
/** Measured: 3.4 to 4.2 over English sets, 2.5 over Russian product titles with e5; 1.06 over the same with a base that spells them. */
const FEW_LETTERS_PER_TOKEN = 1.6;

function unusable(detail: string): DakError {
	return new DakError("INVALID_DATASET", `/dataset: ${detail}`, { fields: [{ pointer: "/dataset", detail }] });
}

export const tooFew = (found: number): DakError =>
	unusable(`found ${found} different ${found === 1 ? "text" : "texts"}, allowed: at least ${FEWEST_TEXTS}, some hundreds to be of use`);

/** @throws INVALID_DATASET where no text holds a letter: nothing can be learnt from numbers alone */
export function refuseNumbers(count: number, { withoutLetters, sample }: Measured): void {
	if (withoutLetters < count) return;
	const example = JSON.stringify((sample[0] ?? "").slice(0, 40));
	throw unusable(`found ${count} texts without a single letter (such as ${example}); allowed: texts with words; is this the right column?`);
}

/** @throws INVALID_DATASET where the base has no tokens for most of the texts */
export function refuseUnknown({ tokens }: DatasetStatistics): void {
	if (!tokens || tokens.unknown_rate <= MOSTLY_UNKNOWN) return;
	throw unusable(
		`found ${percent(tokens.unknown_rate)} of the tokens unknown to ${tokens.base_model}, allowed: ${percent(MOSTLY_UNKNOWN)}; choose a base model that knows the texts' language`,
	);
}

type Counts = Omit<DatasetStatistics, "warnings">;

export function warningsOf(s: Counts, withoutLetters: number): string[] {
	const left = s.texts + s.validation_texts;
	const doubles = s.duplicates_removed + s.near_duplicates_removed;
	const rows: [when: boolean, message: string][] = [
		[left < FEW_TEXTS, `${left} texts are few: some hundreds are needed to learn a domain's language`],
		[withoutLetters > left / 2, `${withoutLetters} of ${left} texts hold no letter: is this the right column?`],
		[
			doubles > MANY_DUPLICATES * (left + doubles),
			`${doubles} of ${left + doubles} texts say what another says: is this the right column?`,
		],
		[s.sampled_out > 0, `${s.sampled_out} texts were left out by chance: preparation.max_texts is ${left + s.near_duplicates_removed}`],
	];
	return [...rows.filter(([when]) => when).map(([, message]) => message), ...tokenWarnings(s, left)];
}

function tokenWarnings({ tokens, languages }: Counts, left: number): string[] {
	if (!tokens) return [];
	const { base_model: base, unknown_rate: unknown, letters_per_token: letters } = tokens;
	const language = languages[0] && languages[0].language !== "und" ? ` (${languages[0].language})` : "";
	const rows: [when: boolean, message: string][] = [
		[unknown > MANY_UNKNOWN, `${percent(unknown)} of the tokens are unknown to ${base}: it may not know the texts' language${language}`],
		[
			letters !== null && letters < FEW_LETTERS_PER_TOKEN,
			`${base} cuts words into pieces of ${letters?.toFixed(1)} letters: it does not seem to know the texts' language${language}; try a multilingual base`,
		],
		[tokens.over_limit > MANY_CUT * left, `${tokens.over_limit} of ${left} texts are longer than max_length and are cut`],
	];
	return rows.filter(([when]) => when).map(([, message]) => message);
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
