/**
 * Metrics as data: a row says kind, name, help and labels; `createMetrics` makes the prom-client objects of a table, typed by it.
 * A registry belongs to one service; nothing is registered globally.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

interface Row<Kind extends string, Label extends string> {
	readonly kind: Kind;
	readonly name: string;
	readonly help: string;
	readonly labels: readonly Label[];
}
export type CounterRow<Label extends string> = Row<"counter", Label>;
export type GaugeRow<Label extends string> = Row<"gauge", Label>;
export interface HistogramRow<Label extends string> extends Row<"histogram", Label> {
	readonly buckets: readonly number[];
}
type AnyRow = CounterRow<string> | GaugeRow<string> | HistogramRow<string>;
export type MetricTable = Readonly<Record<string, AnyRow>>;

type Metric<R> =
	R extends HistogramRow<infer L>
		? Histogram<L>
		: R extends CounterRow<infer L>
			? Counter<L>
			: R extends GaugeRow<infer L>
				? Gauge<L>
				: never;
export type MetricsOf<T extends MetricTable> = { readonly [K in keyof T]: Metric<T[K]> };

export function counter<L extends string = never>(name: string, help: string, ...labels: L[]): CounterRow<L> {
	return { kind: "counter", name, help, labels };
}

export function gauge<L extends string = never>(name: string, help: string, ...labels: L[]): GaugeRow<L> {
	return { kind: "gauge", name, help, labels };
}

export function histogram<L extends string = never>(
	name: string,
	help: string,
	buckets: readonly number[],
	...labels: L[]
): HistogramRow<L> {
	return { kind: "histogram", name, help, buckets, labels };
}

function createMetric(row: AnyRow, registry: Registry): Counter | Gauge | Histogram {
	const common = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [registry] };
	switch (row.kind) {
		case "counter":
			return new Counter(common);
		case "gauge":
			return new Gauge(common);
		case "histogram":
			return new Histogram({ ...common, buckets: [...row.buckets] });
	}
}

/** The metrics of a table, registered in `registry`. */
export function createMetrics<T extends MetricTable>(table: T, registry: Registry): MetricsOf<T> {
	return Object.fromEntries(Object.entries(table).map(([key, row]) => [key, createMetric(row, registry)])) as MetricsOf<T>;
}

/** Bucket bounds from `first` on, each `factor` times the one before, rounded to three digits. */
export function exponential(first: number, factor: number, count: number): number[] {
	return Array.from({ length: count }, (_, i) => Number((first * factor ** i).toPrecision(3)));
}
