/** What base and adapter make of the same texts, drawn: how alike pairs are, and where the texts lie. */
import type { Report } from "../api/types.js";
import { percent } from "../format.js";

const WIDTH = 420;
const HEIGHT = 220;
const LEFT = 36;
const BOTTOM = 22;

type Range = readonly [from: number, to: number];

const scale =
	([from, to]: Range, low: number, high: number) =>
	(value: number): number =>
		Number((low + ((value - from) / (to - from || 1)) * (high - low)).toFixed(1));

const inX = (range: Range) => scale(range, LEFT, WIDTH - 8);
const inY = (range: Range) => scale(range, HEIGHT - BOTTOM, 8);

function Legend() {
	return (
		<p class="legend">
			<span class="base">Base</span> <span class="adapted">Adapter</span>
		</p>
	);
}

/** Per cent of all pairs of texts by their cosine. */
export function Histogram({ of: { from, to, base, adapted } }: { readonly of: NonNullable<Report["similarity_histogram"]> }) {
	const pairs = Math.max(
		1,
		base.reduce((a, b) => a + b, 0),
	);
	const shares = [base, adapted].map((bins) => bins.map((count) => (100 * count) / pairs)) as [number[], number[]];
	const highest = Math.max(...shares.flat());
	const [x, y] = [inX([from, to]), inY([0, highest])];
	const outline = (bins: readonly number[]) => {
		const width = (to - from) / bins.length;
		const steps = bins.map((share, i) => `L${x(from + i * width)} ${y(share)}L${x(from + (i + 1) * width)} ${y(share)}`);
		return `M${x(from)} ${y(0)}${steps.join("")}L${x(to)} ${y(0)}`;
	};
	return (
		<figure class="picture">
			<figcaption>How alike pairs of texts are</figcaption>
			<svg
				viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
				role="img"
				aria-label="Cosines of pairs of texts under base and adapter, per cent of the pairs"
			>
				<path class="axis" d={`M${LEFT} 8V${HEIGHT - BOTTOM}H${WIDTH - 8}`} />
				{[from, (from + to) / 2, to].map((value, i) => (
					<text key={value} x={x(value)} y={HEIGHT - 6} text-anchor={["start", "middle", "end"][i]!}>
						{value.toFixed(2)}
					</text>
				))}
				<text x={LEFT - 5} y={12} text-anchor="end">
					{highest.toFixed(0)} %
				</text>
				<path class="base" d={outline(shares[0])} />
				<path class="adapted" d={outline(shares[1])} />
			</svg>
			<Legend />
		</figure>
	);
}

type Points = readonly (readonly [x: number, y: number])[];

/** Both models' vectors on the two widest axes of all of them together. */
export function Projection({ of: { variance, base, adapted } }: { readonly of: NonNullable<Report["projection"]> }) {
	const all = [...base, ...adapted];
	const extent = (axis: 0 | 1): Range => [Math.min(...all.map((point) => point[axis])), Math.max(...all.map((point) => point[axis]))];
	const [x, y] = [inX(extent(0)), inY(extent(1))];
	// One path a model: a dot is a line of no length with round ends.
	const dots = (points: Points) => points.map((point) => `M${x(point[0])} ${y(point[1])}h0`).join("");
	return (
		<figure class="picture">
			<figcaption>Where texts lie, on the two widest axes ({percent(variance[0] + variance[1])} of the variance)</figcaption>
			<svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Texts on two axes under base and adapter">
				<path class="dots base" d={dots(base)} />
				<path class="dots adapted" d={dots(adapted)} />
			</svg>
			<Legend />
		</figure>
	);
}
