import type { Report } from "../api/types.js";
import { fixed, plural } from "../format.js";

/** Figures of the labelled queries, base and adapter side by side. */
export function Retrieval({
	retrieval: { base, adapted, gain, ci95, queries, corpus },
}: {
	readonly retrieval: NonNullable<Report["retrieval"]>;
}) {
	return (
		<table>
			<caption>
				{plural(queries, "labelled query", "labelled queries")} over {plural(corpus, "text")}; mrr@10 gains {signed(gain)}, 95 % interval{" "}
				{signed(ci95[0])} to {signed(ci95[1])}
			</caption>
			<thead>
				<tr>
					<th scope="col">Metric</th>
					<th scope="col">Base</th>
					<th scope="col">Adapter</th>
					<th scope="col">Change</th>
				</tr>
			</thead>
			<tbody>
				{Object.keys(base).map((metric) => (
					<tr key={metric}>
						<th scope="row">{metric}</th>
						<td class="number">{fixed(base[metric])}</td>
						<td class="number">{fixed(adapted[metric])}</td>
						<td class="number">{signed((adapted[metric] ?? Number.NaN) - base[metric]!)}</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}

const signed = (value: number): string => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${fixed(Math.abs(value))}`;
