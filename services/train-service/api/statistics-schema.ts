/** A dataset's statistics, as REST documents them. */
import { z } from "zod";
import type { DatasetStatistics } from "../data/index.js";

const count = z.int();
const share = z.number().describe("0 to 1");
const summary = { min: count, mean: count, p50: count, p95: count, p99: count, max: count };

const tokens = z.object({
	base_model: z.string(),
	...summary,
	histogram: z.array(z.object({ to: count.describe("Greatest length that is counted here"), texts: count })),
	over_limit: count.describe("Texts longer than max_length, which training cuts"),
	unknown_rate: share.describe("Share of the tokens that the base has no word for"),
	letters_per_token: z.number().nullable().describe("Near 1 the base spells: it hardly knows the language"),
});

export const statisticsSchema: z.ZodType<DatasetStatistics, DatasetStatistics> = z
	.object({
		texts: count.describe("Texts to train on"),
		validation_texts: count.describe("Texts held out of training"),
		records: count.describe("Lines, rows or records that were read"),
		blank_removed: count,
		split: z.object({ texts: count, added: count }).describe("Texts that were split at sentences, and how many more texts that made"),
		too_long_removed: count,
		too_short_removed: count,
		duplicates_removed: count.describe("Equal to an earlier text"),
		near_duplicates_removed: count.describe("Not equal, but saying the same"),
		sampled_out: count.describe("Left out by chance, because there are more than max_texts"),
		characters: z.object(summary).describe("Lengths of the texts"),
		tokens: tokens.nullable().describe("Lengths in the base model's tokens; null where no base model is on this machine"),
		languages: z.array(z.object({ language: z.string().describe("ISO 639-1; und: not told"), share })),
		sample: z.array(z.string()),
		sha256: z.string().describe("Of the prepared texts"),
		warnings: z.array(z.string()).describe("What looks wrong, and why"),
	})
	.meta({ id: "DatasetStatistics" });
