/** Small pictures as inline SVG. */
import { type Markup, markup } from "./markup.js";
import type { PageReport } from "./read.js";

const WIDTH = 420;
const HEIGHT = 220;
const LEFT = 40;
const BOTTOM = 22;
const TOP = 8;

interface Frame {
	readonly x: (value: number) => number;
	readonly y: (value: number) => number;
	readonly axes: Markup;
}

function frame(xs: readonly [number, number], ys: readonly [number, number], digits: readonly [number, number]): Frame {
	const scale =
		([from, to]: readonly [number, number], low: number, high: number) =>
		(value: number) =>
			Number((low + ((value - from) / (to - from || 1)) * (high - low)).toFixed(1));
	const [x, y] = [scale(xs, LEFT, WIDTH - 8), scale(ys, HEIGHT - BOTTOM, TOP)];
	const ticks = ([from, to]: readonly [number, number]) => [0, 0.5, 1].map((share) => from + share * (to - from));
	const anchors = ["start", "middle", "end"];
	const axes = markup`<path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - 8}" fill="none"/>
${ticks(xs).map((value, i) => markup`<text x="${x(value)}" y="${HEIGHT - 6}" text-anchor="${anchors[i]}">${value.toFixed(digits[0])}</text>`)}
${ticks(ys).map((value) => markup`<text x="${LEFT - 5}" y="${y(value) + 4}" text-anchor="end">${value.toFixed(digits[1])}</text>`)}`;
	return { x, y, axes };
}

const svg = (label: string, content: Markup): Markup =>
	markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${content}</svg>`;

const path = (points: readonly (readonly [number, number])[]): string =>
	points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");

const extent = (values: readonly number[]): [number, number] => [
	values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
	values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
];

/** Points that a curve is drawn with at most; a longer one is averaged. */
const DRAWN = 300;

type Curve = NonNullable<PageReport["loss"]>["curve"];

function thinned(curve: Curve): Curve {
	const size = Math.max(1, Math.ceil(curve.length / DRAWN));
	return Array.from({ length: Math.ceil(curve.length / size) }, (_, i) => {
		const part = curve.slice(i * size, (i + 1) * size);
		return { step: part[Math.floor(part.length / 2)]!.step, loss: part.reduce((sum, { loss }) => sum + loss, 0) / part.length };
	});
}

/** Loss by step, and its running mean. */
export function lossChart(curve: Curve): Markup {
	const points = thinned(curve);
	let mean = 0;
	const smooth = points.map(({ step, loss }, i) => {
		// The mean of all until there are enough: the first alone would hold it back.
		mean += Math.max(1 / (i + 1), 0.15) * (loss - mean);
		return { step, loss: mean };
	});
	const { x, y, axes } = frame(extent(points.map(({ step }) => step)), extent(points.map(({ loss }) => loss)), [0, 2]);
	const line = (of: Curve) => path(of.map(({ step, loss }) => [x(step), y(loss)]));
	return svg("Loss by training step", markup`${axes}<path class="line raw" d="${line(points)}"/><path class="line" d="${line(smooth)}"/>`);
}

/** Both models' cosines, one outline over the other. */
export function histogramChart({ from, to, base, adapted }: NonNullable<PageReport["similarity_histogram"]>): Markup {
	const total =
		Math.max(
			1,
			base.reduce((a, b) => a + b, 0),
		) / 100;
	const { x, y, axes } = frame([from, to], [0, extent([...base, ...adapted])[1] / total], [2, 0]);
	const outline = (bins: readonly number[]) => {
		const width = (to - from) / bins.length;
		const steps = bins.flatMap((count, i): [number, number][] => [
			[x(from + i * width), y(count / total)],
			[x(from + (i + 1) * width), y(count / total)],
		]);
		return path([[x(from), y(0)], ...steps, [x(to), y(0)]]);
	};
	const shapes = (["base", "adapted"] as const).map((name) => {
		const d = outline(name === "base" ? base : adapted);
		return markup`<path class="fill ${name}" d="${d}"/><path class="line ${name}" d="${d}"/>`;
	});
	return svg("Cosines of pairs of texts under base and adapter, per cent of the pairs", markup`${axes}${shapes}`);
}

type Points = NonNullable<PageReport["projection"]>["base"];

const SECTORS = 6;

/** A text's colour says where the base has it, so that one can see who has moved. */
const sectorOf = ([x, y]: Points[number]): number => Math.floor(((Math.atan2(y, x) + Math.PI) / (2 * Math.PI)) * SECTORS) % SECTORS;

/** One model's texts on the map that both share. */
export function scatterChart(label: string, points: Points, base: Points, all: Points): Markup {
	const { x, y, axes } = frame(extent(all.map(([value]) => value)), extent(all.map(([, value]) => value)), [2, 2]);
	const dots = points.map(
		(point, i) => markup`<circle class="dot s${sectorOf(base[i]!)}" cx="${x(point[0])}" cy="${y(point[1])}" r="2.6"/>`,
	);
	return svg(label, markup`${axes}${dots}`);
}
