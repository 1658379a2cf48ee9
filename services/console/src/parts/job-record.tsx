/** What a job went through, said, and was asked to do. */
import type { JobJson } from "../api/types.js";
import { duration, timeOf } from "../format.js";
import type { LogLine, Phase } from "../live/history.js";

export function Phases({ phases, ended }: { readonly phases: readonly Phase[]; readonly ended: boolean }) {
	if (phases.length === 0) return null;
	const lasted = (i: number) => {
		const next = phases[i + 1];
		return next ? duration((Date.parse(next.since) - Date.parse(phases[i]!.since)) / 1000) : undefined;
	};
	return (
		<section class="card" aria-labelledby="phases-title">
			<h2 id="phases-title">Course</h2>
			<ol class="phases">
				{phases.map(({ state, since, reason }, i) => (
					<li key={since + state} class={i === phases.length - 1 && !ended ? "now" : ""}>
						<time dateTime={since}>{timeOf(since)}</time>
						<strong>{state}</strong>
						<span class="mute">{[lasted(i), reason === state ? undefined : reason].filter(Boolean).join(" · ")}</span>
					</li>
				))}
			</ol>
		</section>
	);
}

export function LogLines({ lines }: { readonly lines: readonly LogLine[] }) {
	if (lines.length === 0) return null;
	return (
		<section class="card" aria-labelledby="log-title">
			<h2 id="log-title">Log</h2>
			{/* Focusable, so that the keyboard can scroll it. */}
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls */}
			<div class="log" role="log" aria-labelledby="log-title" tabIndex={0}>
				<ol>
					{lines.map(({ time, level, message }, i) => (
						// lines are only ever added
						<li key={i} class={level}>
							<time dateTime={time}>{timeOf(time)}</time>
							<span>
								{level !== "info" && <b>{level}: </b>}
								{message}
							</span>
						</li>
					))}
				</ol>
			</div>
		</section>
	);
}

export function Settings({ spec }: { readonly spec: JobJson["spec"] }) {
	return (
		<details class="card">
			<summary>Settings</summary>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls */}
			<pre tabIndex={0}>{JSON.stringify(spec, null, 2)}</pre>
		</details>
	);
}
