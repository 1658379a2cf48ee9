/** Metrics and checks as tables. */
import { type Markup, markup } from "./markup.js";
import type { PageLabelled, PageSanity } from "./read.js";

const NAMES: Readonly<Record<string, string>> = {
	"mrr@10": "MRR@10",
	"ndcg@10": "nDCG@10",
	"map@10": "MAP@10",
	spearman: "Spearman",
	centred: "centred",
	quarter_whitened: "quarter whitened",
	half_whitened: "half whitened",
	en: "English",
	ru: "Russian",
	loss_fell: "Loss fell",
	not_collapsed: "No collapse",
	drift_within_bounds: "Drift within bounds",
	general_similarity_kept: "General similarity kept",
};

export const nameOf = (name: string): string => NAMES[name] ?? name;
export const fixed = (value: number, digits = 3): string => value.toFixed(digits).replace("-", "−");
const signed = (value: number): string => (value < 0 ? fixed(value) : `+${fixed(value)}`);
const interval = ([low, high]: readonly [number, number]): string => `[${fixed(low)}, ${fixed(high)}]`;
const signedInterval = ([low, high]: readonly [number, number]): string => `[${signed(low)}, ${signed(high)}]`;

function difference({ gain, ci95 }: { readonly gain: number; readonly ci95: readonly [number, number] }): Markup {
	const tone = ci95[0] > 0 ? "good" : ci95[1] < 0 ? "bad" : "";
	return markup`<span class="${tone}">${signed(gain)}</span> <small>${signedInterval(ci95)}</small>`;
}

export const table = (head: Markup, rows: readonly Markup[]): Markup =>
	markup`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;

/** Every metric of base and adapter with its interval. */
export function metricTable({ metric, base, adapted, differences, intervals }: PageLabelled): Markup {
	const rows = Object.entries(differences).map(
		([
			name,
			gained,
		]) => markup`<tr class="${name === metric ? "main" : ""}"><td>${nameOf(name)}</td><td class="n">${fixed(base[name]!)} <small>${interval(intervals.base[name]!)}</small></td>
<td class="n">${fixed(adapted[name]!)} <small>${interval(intervals.adapted[name]!)}</small></td><td class="n">${difference(gained)}</td></tr>`,
	);
	return table(markup`<th>Metric</th><th class="n">Base</th><th class="n">Adapter</th><th class="n">Difference</th>`, rows);
}

/** What needs no training, on the metric that the verdict is of. */
export function freeTable({ metric, adapted, differences, free_baselines: free }: PageLabelled): Markup | undefined {
	if (!free) return undefined;
	const rows = Object.entries(free).map(
		([name, contender]) =>
			markup`<tr><td>${nameOf(name)}</td><td class="n">${fixed(contender.score)}</td><td class="n">${difference(contender)}</td></tr>`,
	);
	const own = markup`<tr class="main"><td>adapter</td><td class="n">${fixed(adapted[metric]!)}</td><td class="n">${difference(differences[metric]!)}</td></tr>`;
	return table(markup`<th>${nameOf(metric)} without training</th><th class="n">Score</th><th class="n">Against the base</th>`, [
		...rows,
		own,
	]);
}

export function checkTable({ checks }: PageSanity): Markup {
	return table(
		markup`<th>Check</th><th></th><th>Found</th>`,
		checks.map(
			({ name, passed, found }) =>
				markup`<tr><td>${nameOf(name)}</td><td class="s ${passed ? "good" : "bad"}">${passed ? "✓ yes" : "✗ no"}</td><td>${found}</td></tr>`,
		),
	);
}

/** Signals of base, adapter and what needs no training. */
export function signalTable({ mean_cosine: cosine, hubness, typos, general, free_baselines: free }: PageSanity): Markup {
	const { texts: _, ...baselines } = free ?? { texts: 0 };
	const languages = Object.keys(general);
	const row = (name: string, values: { cosine: number; hubness: number; typos: Markup; general: (language: string) => Markup }) =>
		markup`<tr><td>${nameOf(name)}</td><td class="n">${fixed(values.cosine)}</td><td class="n">${fixed(values.hubness, 2)}</td><td class="n">${values.typos}</td>${languages.map((language) => markup`<td class="n">${values.general(language)}</td>`)}</tr>`;
	const rows = [
		row("base", {
			cosine: cosine.base,
			hubness: hubness.base,
			typos: markup`${fixed(typos.base)}`,
			general: (language) => markup`${fixed(general[language]!.base.spearman!)}`,
		}),
		row("adapter", {
			cosine: cosine.adapted,
			hubness: hubness.adapted,
			typos: markup`${fixed(typos.adapted)} <small>${signedInterval(typos.ci95)}</small>`,
			general: (language) =>
				markup`${fixed(general[language]!.adapted.spearman!)} <small>${signedInterval(general[language]!.ci95)}</small>`,
		}),
		...Object.entries(baselines as NonNullable<PageSanity["free_baselines"]>).map(([name, value]) => {
			const contender = value as unknown as {
				mean_cosine: number;
				hubness: number;
				general: Record<string, { score: number; ci95: [number, number] }>;
			};
			return row(name, {
				cosine: contender.mean_cosine,
				hubness: contender.hubness,
				typos: markup`–`,
				general: (language) =>
					markup`${fixed(contender.general[language]!.score)} <small>${signedInterval(contender.general[language]!.ci95)}</small>`,
			});
		}),
	];
	const heads = languages.map((language) => markup`<th class="n">General similarity, ${nameOf(language)}</th>`);
	return table(markup`<th></th><th class="n">Mean cosine</th><th class="n">Hubness</th><th class="n">Cosine with typos</th>${heads}`, rows);
}
