/** What the page reads of a report. Each part may be missing, as in reports of earlier versions: then its section is. */
import { z } from "zod";

const ends = z.tuple([z.number(), z.number()]);
const gain = z.object({ gain: z.number(), ci95: ends });
const contender = gain.extend({ score: z.number() });
const scores = z.record(z.string(), z.number());

const labelled = z.object({
	metric: z.string(),
	items: z.number(),
	corpus: z.number().optional(),
	base: scores,
	adapted: scores,
	differences: z.record(z.string(), gain),
	intervals: z.object({ base: z.record(z.string(), ends), adapted: z.record(z.string(), ends) }),
	free_baselines: z.record(z.string(), contender).optional(),
});

const both = z.object({ base: z.number(), adapted: z.number() });
const general = gain.extend({ items: z.number(), base: scores, adapted: scores });

const sanity = z.object({
	texts: z.number(),
	similarity_correlation: z.number(),
	mean_cosine: both,
	hubness: both.extend({ neighbours: z.number() }),
	typos: both.extend({ ci95: ends }),
	general: z.record(z.string(), general),
	checks: z.array(z.object({ name: z.string(), passed: z.boolean(), found: z.string() })),
	free_baselines: z
		.object({ texts: z.number() })
		.catchall(z.object({ mean_cosine: z.number(), hubness: z.number(), general: z.record(z.string(), contender) }))
		.optional(),
});

const points = z.array(z.tuple([z.number(), z.number()]));
const found = z.array(z.object({ text: z.string(), cosine: z.number() }));

const part = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

const reportSchema = z.object({
	verdict: z.enum(["improved", "no_change", "regressed", "unverified"]).catch("unverified"),
	summary: z.string().catch(""),
	retrieval: part(labelled),
	categories: part(labelled),
	similarity: part(labelled),
	sanity: part(sanity),
	neighbours: z.array(z.object({ text: z.string(), base: found, adapted: found })).catch([]),
	loss: part(z.object({ curve: z.array(z.object({ step: z.number(), loss: z.number() })) })),
	validation: part(z.object({ texts: z.number(), loss_before: z.number(), loss_after: z.number() })),
	similarity_histogram: part(z.object({ from: z.number(), to: z.number(), base: z.array(z.number()), adapted: z.array(z.number()) })),
	projection: part(z.object({ variance: ends, base: points, adapted: points })),
	dataset: part(z.object({ texts: z.number(), warnings: z.array(z.string()).catch([]) })),
	bounded: z.array(z.string()).catch([]),
});

export type PageReport = z.output<typeof reportSchema>;
export type PageLabelled = z.output<typeof labelled>;
export type PageSanity = z.output<typeof sanity>;

/** @param report report.json of any version */
export const readReport = (report: unknown): PageReport => reportSchema.parse(report);
