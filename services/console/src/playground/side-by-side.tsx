import type { Similarities } from "../api/types.js";
import { fixed } from "../format.js";
import { type Ranked, ranked } from "./rank.js";

export interface Compared {
	readonly source: string;
	readonly second: string;
	readonly lines: readonly string[];
	/** Of the second text, then of each line. */
	readonly left: Similarities;
	readonly right: Similarities;
}

/** What both adapters say about the same texts. */
export function SideBySide({ compared: { source, second, lines, left, right } }: { readonly compared: Compared }) {
	const [ranksLeft, ranksRight] = [ranked(lines, left.values.slice(1)), ranked(lines, right.values.slice(1))];
	return (
		<div class="halves" aria-live="polite">
			<Side answer={left} ranks={ranksLeft} source={source} second={second} />
			<Side answer={right} ranks={ranksRight} source={source} second={second} others={ranksLeft} />
		</div>
	);
}

interface SideProps {
	readonly answer: Similarities;
	readonly ranks: readonly Ranked[];
	readonly source: string;
	readonly second: string;
	/** The list under the other adapter: places are told as differences to it. */
	readonly others?: readonly Ranked[];
}

function Side({ answer: { adapter, values }, ranks, source, second, others }: SideProps) {
	const before = new Map(others?.map(({ text }, i) => [text, i]));
	return (
		<section class="card side" aria-label={`Under ${adapter}`}>
			<h2>{adapter}</h2>
			<p class="pair">
				<strong>{fixed(values[0])}</strong>
				<span class="mute">
					cosine of “{source}” and “{second}”
				</span>
			</p>
			{ranks.length > 0 && (
				<ol class="ranks">
					{ranks.map(({ text, value }, i) => (
						<li key={text}>
							<span dir="auto">{text}</span>
							<Move by={(before.get(text) ?? i) - i} />
							<span class="number">{fixed(value)}</span>
							<meter min={0} max={1} value={Math.max(0, value)} aria-hidden="true" />
						</li>
					))}
				</ol>
			)}
		</section>
	);
}

/** How many places a text has risen against the other side. */
function Move({ by }: { readonly by: number }) {
	if (by === 0) return <span class="move" />;
	return (
		<span class={`move ${by > 0 ? "up" : "down"}`}>
			<span aria-hidden="true">
				{by > 0 ? "▲" : "▼"}
				{Math.abs(by)}
			</span>
			<span class="unseen">
				{Math.abs(by)} {by > 0 ? "higher" : "lower"}
			</span>
		</span>
	);
}
