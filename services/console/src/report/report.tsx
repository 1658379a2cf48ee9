/** What was measured on base and adapter. */
import { useCallback } from "preact/hooks";
import { getReport } from "../api/calls.js";
import type { Report } from "../api/types.js";
import { count, fixed, plural } from "../format.js";
import { usePolled } from "../live/use-polled.js";
import { Badge, Figures } from "../parts/basics.js";
import { LossParts } from "./loss-parts.js";
import { Neighbours } from "./neighbours.js";
import { Histogram, Projection } from "./pictures.js";
import { Retrieval } from "./retrieval.js";

const TONE: Readonly<Record<string, string>> = { improved: "good", regressed: "bad" };

export function ReportSection({ id, state }: { readonly id: string; readonly state: string }) {
	// another state may have brought a report
	const ask = useCallback((signal: AbortSignal) => getReport(id, signal), [id, state]);
	const { value: report, error } = usePolled(ask);
	if (!report) return error === undefined || state !== "succeeded" ? null : <p class="mute">No report: {error}</p>;
	return (
		<section class="card" aria-labelledby="report-title">
			<div class="title small">
				<h2 id="report-title">Evaluation</h2>
				<Badge state={report.verdict} />
			</div>
			<p class={`notice ${TONE[report.verdict] ?? "wait"}`}>{report.summary}</p>
			{report.retrieval && <Retrieval retrieval={report.retrieval} />}
			<Signals report={report} />
			<Checks checks={report.sanity?.checks ?? []} />
			{report.objective && <p class="mute">Objective: {report.objective.reason}.</p>}
			<div class="pictures">
				{report.similarity_histogram && <Histogram of={report.similarity_histogram} />}
				{report.projection && <Projection of={report.projection} />}
			</div>
			{report.neighbours && <Neighbours rows={report.neighbours} />}
			{report.loss?.curve && <LossParts curve={report.loss.curve} />}
		</section>
	);
}

/** What was looked at, and whether it passed. */
function Checks({ checks }: { readonly checks: NonNullable<NonNullable<Report["sanity"]>["checks"]> }) {
	if (checks.length === 0) return null;
	return (
		<ul class="checks">
			{checks.map(({ name, passed, found }) => (
				<li key={name} class={passed ? "good" : "bad"}>
					<b>{name.replaceAll("_", " ")}</b> {passed ? "passed" : "not passed"}: {found}
				</li>
			))}
		</ul>
	);
}

function Signals({ report: { sanity, validation } }: { readonly report: Report }) {
	return (
		<Figures
			items={[
				...(validation
					? ([
							["Held-out texts", count(validation.texts)],
							["Their loss before", fixed(validation.loss_before)],
							["Their loss after", fixed(validation.loss_after)],
						] as const)
					: []),
				...(sanity
					? ([
							["Similarities, base and adapter", `correlate ${fixed(sanity.similarity_correlation, 2)}`],
							["Mean cosine", `${fixed(sanity.mean_cosine.base, 2)} → ${fixed(sanity.mean_cosine.adapted, 2)}`],
							...Object.entries(sanity.general ?? {}).map(
								([language, { base, adapted }]) =>
									[`General similarity, ${language}`, `${fixed(base.spearman, 2)} → ${fixed(adapted.spearman, 2)}`] as const,
							),
							["Space", sanity.collapsed ? "collapsed" : `intact over ${plural(sanity.texts, "text")}`],
						] as const)
					: []),
			]}
		/>
	);
}
