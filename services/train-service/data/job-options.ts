import type { JobSettings } from "../jobs/index.js";
import { DEFAULT_PREPARATION, type PreparationOptions } from "./prepare/index.js";

/** What a job's settings say about its texts. */
export function preparationOf({ preparation, validation, training }: JobSettings): PreparationOptions {
	return {
		...DEFAULT_PREPARATION,
		unicode: preparation.unicode,
		html: preparation.html,
		longTexts: preparation.long_texts,
		minTokens: preparation.min_tokens,
		nearDuplicates: preparation.near_duplicates,
		maxTexts: preparation.max_texts,
		validationRatio: validation.ratio,
		seed: training.seed,
		refuseUnknown: true,
	};
}
