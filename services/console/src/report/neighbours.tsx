import type { Neighbour, Report } from "../api/types.js";
import { fixed } from "../format.js";

/** The nearest texts of a few, before and after. */
export function Neighbours({ rows }: { readonly rows: NonNullable<Report["neighbours"]> }) {
	return (
		<details open>
			<summary>Nearest texts before and after</summary>
			<div class="neighbours">
				{rows.map(({ text, base, adapted }) => (
					<figure key={text}>
						<figcaption>{text}</figcaption>
						<List title="Base" items={base} others={[]} />
						<List title="Adapter" items={adapted} others={base} />
					</figure>
				))}
			</div>
		</details>
	);
}

interface ListProps {
	readonly title: string;
	readonly items: readonly Neighbour[];
	/** What the base found: anything else is new. */
	readonly others: readonly Neighbour[];
}

function List({ title, items, others }: ListProps) {
	const known = new Set(others.map(({ text }) => text));
	return (
		<div>
			<h3>{title}</h3>
			<ol>
				{items.map(({ text, cosine }) => (
					<li key={text}>
						<span>
							{text} {others.length > 0 && !known.has(text) && <em class="new">new</em>}
						</span>
						<span class="number mute">{fixed(cosine)}</span>
					</li>
				))}
			</ol>
		</div>
	);
}
