/** The report as one HTML page: no script, nothing loaded from anywhere, every text of strangers escaped. */
import { histogramChart, lossChart, scatterChart } from "./charts.js";
import { Markup, markup } from "./markup.js";
import { type PageLabelled, type PageReport, readReport } from "./read.js";
import { STYLE } from "./style.js";
import { checkTable, fixed, freeTable, metricTable, nameOf, signalTable } from "./tables.js";

/** What the job says of itself. */
export interface PageJob {
	readonly id: string;
	readonly base_model: string;
	readonly adapter_name?: string | undefined;
}

const TITLES = { improved: "Improved", no_change: "No change", regressed: "Regressed", unverified: "Unverified" } as const;

/** @param report report.json of any version */
export function reportPage(report: unknown, job: PageJob): string {
	const read = readReport(report);
	const name = job.adapter_name ?? job.id;
	const page = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${name}: ${TITLES[read.verdict]}</title><style>${new Markup(STYLE)}</style></head><body>
<h1>${name}</h1><p class="mute">${job.id} · adapter of ${job.base_model}</p>
<p class="verdict ${read.verdict}"><b>${TITLES[read.verdict]}</b>${read.summary}</p>
${warnings(read)}${labelledSections(read)}${training(read)}${sanitySection(read)}${projectionSection(read)}${neighbourSection(read)}
</body></html>
`;
	return page.text;
}

function warnings({ dataset, bounded }: PageReport): Markup | undefined {
	const lines = [...(dataset?.warnings ?? []), ...bounded.map((what) => `Not all was measured: ${what}`)];
	if (lines.length === 0) return undefined;
	return markup`<h2>Warnings</h2><ul>${lines.map((line) => markup`<li>${line}</li>`)}</ul>`;
}

function labelledSections({ retrieval, categories, similarity }: PageReport): Markup[] {
	const section = (title: string, values: PageLabelled | undefined) =>
		values
			? [
					markup`<h2>${title}</h2>${metricTable(values)}${freeTable(values)}<p class="mute">Brackets: 95 % intervals, paired bootstrap over the ${values.items} items.</p>`,
				]
			: [];
	return [
		...section(`Labelled queries: ${retrieval?.items} over ${retrieval?.corpus ?? "all"} texts`, retrieval),
		...section(`Categories: ${categories?.items} texts`, categories),
		...section(`Graded pairs: ${similarity?.items}`, similarity),
	];
}

const KEY = markup`<span class="key base">base</span> and <span class="key adapted">adapter</span>`;

function training({ loss, validation, similarity_histogram: histogram, sanity }: PageReport): Markup | undefined {
	const figures = [
		...(loss && loss.curve.length > 1
			? [markup`<figure>${lossChart(loss.curve)}<figcaption>Loss by step, and its running mean</figcaption></figure>`]
			: []),
		...(histogram
			? [
					markup`<figure>${histogramChart(histogram)}<figcaption>Cosines of every two of ${sanity?.texts ?? "the"} texts, ${KEY}, per cent</figcaption></figure>`,
				]
			: []),
	];
	if (figures.length === 0) return undefined;
	const held =
		validation &&
		markup`<p class="mute">Loss on ${validation.texts} texts that were held out: ${fixed(validation.loss_before)} → ${fixed(validation.loss_after)}</p>`;
	return markup`<h2>Training</h2><div class="charts">${figures}</div>${held}`;
}

function sanitySection({ sanity }: PageReport): Markup | undefined {
	if (!sanity) return undefined;
	const languages = Object.entries(sanity.general).map(([language, { items }]) => `${items} in ${nameOf(language)}`);
	const fit = sanity.free_baselines && ` Centring and whitening are fitted to ${sanity.free_baselines.texts} texts.`;
	return markup`<h2>Checks that need no labels</h2>${checkTable(sanity)}<h3>Signals</h3>${signalTable(sanity)}
<p class="mute">They say whether training has broken something, and nothing about search. Mean cosine and hubness over ${sanity.texts} of the texts; general similarity is Spearman's correlation on everyday sentences (${languages.join(", ")}), brackets: 95 % interval of the difference from the base.${fit}</p>`;
}

function projectionSection({ projection }: PageReport): Markup | undefined {
	if (!projection || projection.base.length === 0) return undefined;
	const { base, adapted, variance } = projection;
	const all = [...base, ...adapted];
	const figure = (title: string, points: typeof base) =>
		markup`<figure>${scatterChart(title, points, base, all)}<figcaption>${title}</figcaption></figure>`;
	return markup`<h2>Projection</h2><div class="charts">${figure("Base", base)}${figure("Adapter", adapted)}</div>
<p class="mute">Two principal axes of both together, ${fixed(100 * (variance[0] + variance[1]), 0)} % of the variance. A text has the same colour in both, by its place under the base.</p>`;
}

/** Characters of a text that are shown. */
const SHOWN = 240;
const clip = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN).trimEnd()}…` : text);

function neighbourSection({ neighbours }: PageReport): Markup | undefined {
	if (neighbours.length === 0) return undefined;
	const list = (found: PageReport["neighbours"][number]["base"]) =>
		markup`<ol>${found.map(({ text, cosine }) => markup`<li>${clip(text)} <small>${fixed(cosine)}</small></li>`)}</ol>`;
	const rows = neighbours.map(
		({
			text,
			base,
			adapted,
		}) => markup`<blockquote>${clip(text)}</blockquote><div class="near"><div><p class="key base">base</p>${list(base)}</div>
<div><p class="key adapted">adapter</p>${list(adapted)}</div></div>`,
	);
	return markup`<h2>Nearest texts</h2>${rows}`;
}
