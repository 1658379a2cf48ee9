/**
 * What a job's goal comes to for its texts: the parts of the objective that its settings leave open. Contrast and whitening sharpen
 * what tells two texts apart. Where a corpus has many different words that is what search needs; where it has few, texts that mean
 * the same are pushed apart. docs/quality.md has the runs behind the numbers.
 */
import { invalidField } from "@dak/shared/errors";
import { FEWEST_TEXTS_TO_FIT, type Spread } from "../evaluation/index.js";
import { type JobSettings, MOST_ANCHOR, type Objective } from "../jobs/index.js";
import { isNarrow } from "./anchor.js";
import { lexicalDiversity } from "./diversity.js";

export interface Recipe {
	readonly objective: Objective;
	/** How it was chosen, in a sentence. */
	readonly reason: string;
}

/** Different words among 10,000 up to which as little as may be is sharpened, and from which on everything. */
const FEW_WORDS = 1000;
const MANY_WORDS = 3000;

/** What sharpening at its fullest is. */
const CONTRASTIVE = 0.1;
/** Contrast that also few words bear: banking77 lost nothing by it. */
const LEAST_CONTRASTIVE = 0.02;
const ANCHOR_WHITENING = 0.75;
const OUTPUT_WHITENING = 0.5;

const ANCHOR = 30;
/** Deviation of cosines at which `ANCHOR` was found good: all-MiniLM-L6-v2's on product titles. */
const USUAL_DEVIATION = 0.11;

type Chosen = Pick<Objective, "contrastive" | "anchor_whitening" | "output_whitening">;

/** Chooses what the settings leave open. @throws INVALID_REQUEST for whitening that is asked for over too few texts */
export function recipeOf(settings: Pick<JobSettings, "goal" | "objective">, texts: readonly string[]): Recipe {
	const { chosen, reason } = settings.goal === "same_item" ? sameItem() : balanced(texts);
	if (texts.length >= FEWEST_TEXTS_TO_FIT) return { objective: withChosen(settings.objective, chosen), reason };
	for (const name of ["anchor_whitening", "output_whitening"] as const) {
		const found = settings.objective[name] ?? 0;
		if (found > 0)
			throw invalidField(
				`/objective/${name}`,
				`found ${found} for ${texts.length} texts; whitening takes ${FEWEST_TEXTS_TO_FIT}, allowed here: 0`,
			);
	}
	return {
		objective: withChosen(settings.objective, { ...chosen, anchor_whitening: 0, output_whitening: 0 }),
		reason: `${reason}; no whitening, which takes ${FEWEST_TEXTS_TO_FIT} texts`,
	};
}

export interface BaseFacts {
	/** Of the base's cosines of two of the texts. */
	readonly spread: Spread;
	readonly languageModel: boolean;
}

/**
 * What was chosen before the base was looked at, as it suits the base: a plain language model has no similarities worth keeping; and
 * as the anchor is on squares of differences, it grows where cosines differ by hundredths.
 */
export function forBase({ objective, reason }: Recipe, given: JobSettings["objective"], { spread, languageModel }: BaseFacts): Recipe {
	if (given.anchor !== undefined) return { objective, reason };
	if (languageModel)
		return {
			objective: { ...objective, anchor: 0 },
			reason: `${reason}; no anchor, as the base is a plain language model, trained for no similarities that could be kept`,
		};
	if (!isNarrow(spread)) return { objective, reason };
	const anchor = Math.min(MOST_ANCHOR, Math.round(ANCHOR * (USUAL_DEVIATION / spread.deviation) ** 2));
	const why = `an anchor of ${anchor}, as the base's cosines lie close together (deviation ${spread.deviation.toFixed(3)})`;
	return { objective: { ...objective, anchor }, reason: `${reason}; ${why}` };
}

/** The objective that takes most memory of those that may be chosen, for estimates before the texts are known. */
export function widestObjective(settings: Pick<JobSettings, "goal" | "objective">): Objective {
	return withChosen(settings.objective, sameItem().chosen);
}

function sameItem(): { chosen: Chosen; reason: string } {
	return {
		chosen: { contrastive: CONTRASTIVE, anchor_whitening: ANCHOR_WHITENING, output_whitening: OUTPUT_WHITENING },
		reason:
			"goal same_item: full contrast, the anchor on three quarters whitened similarities, and the vectors half whitened after training",
	};
}

function balanced(texts: readonly string[]): { chosen: Chosen; reason: string } {
	const words = lexicalDiversity(texts);
	const sharpness = Math.min(1, Math.max(0, (words - FEW_WORDS) / (MANY_WORDS - FEW_WORDS)));
	const percent = Math.round(100 * sharpness);
	return {
		chosen: {
			contrastive: LEAST_CONTRASTIVE + (CONTRASTIVE - LEAST_CONTRASTIVE) * sharpness,
			anchor_whitening: ANCHOR_WHITENING * sharpness,
			output_whitening: 0,
		},
		reason: `goal balanced: ${words} different words in 10,000, so texts are sharpened by ${percent} % (least up to ${FEW_WORDS} words, fully from ${MANY_WORDS} on)`,
	};
}

function withChosen(given: JobSettings["objective"], chosen: Chosen): Objective {
	return {
		tsdae: given.tsdae,
		contrastive: given.contrastive ?? chosen.contrastive,
		anchor: given.anchor ?? ANCHOR,
		anchor_whitening: given.anchor_whitening ?? chosen.anchor_whitening,
		output_whitening: given.output_whitening ?? chosen.output_whitening,
	};
}
