/** Curves over steps, drawn by uPlot in the page's own colours. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Curve {
	readonly label: string;
	readonly values: readonly (number | null)[];
	/** A custom property of the style sheet that holds its colour. */
	readonly color: `--${string}`;
	readonly width?: number;
}

interface Props {
	readonly steps: readonly number[];
	readonly curves: readonly Curve[];
	/** What a reader who does not see it is told. */
	readonly label: string;
	readonly height?: number;
}

export function Chart({ steps, curves, label, height = 260 }: Props) {
	const host = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | undefined>(undefined);
	const data = [steps, ...curves.map(({ values }) => values)] as unknown as uPlot.AlignedData;
	const latest = useRef(data);
	latest.current = data;
	const shape = curves.map((curve) => `${curve.label}${curve.color}`).join();
	// the plot is made anew where its curves are others, not for new values
	useEffect(() => {
		const element = host.current!;
		const draw = () => {
			plot.current?.destroy();
			plot.current = new uPlot(optionsOf(curves, element.clientWidth, height), latest.current, element);
		};
		draw();
		const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
		resized.observe(element);
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		scheme.addEventListener("change", draw);
		return () => {
			scheme.removeEventListener("change", draw);
			resized.disconnect();
			plot.current?.destroy();
			plot.current = undefined;
		};
	}, [shape, height]);
	useEffect(() => plot.current?.setData(latest.current));
	return <div class="chart" ref={host} role="img" aria-label={label} />;
}

function optionsOf(curves: readonly Curve[], width: number, height: number): uPlot.Options {
	const style = getComputedStyle(document.documentElement);
	const color = (name: string) => style.getPropertyValue(name).trim();
	const axis: uPlot.Axis = {
		stroke: color("--mute"),
		grid: { stroke: color("--line"), width: 1 },
		ticks: { stroke: color("--line"), width: 1, size: 4 },
		font: "12px system-ui, sans-serif",
	};
	return {
		width,
		height,
		scales: { x: { time: false } },
		axes: [
			// Steps are whole.
			{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000] },
			{ ...axis, size: 52 },
		],
		series: [
			{ label: "step" },
			...curves.map(({ label, color: name, width: line = 2 }) => ({
				label,
				stroke: color(name),
				width: line,
				points: { show: false },
				value: (_: uPlot, value: number | null) => value?.toFixed(4) ?? "–",
			})),
		],
		cursor: { y: false, points: { size: 6 } },
	};
}
