/** What the services really expose: every series name and its labels, from the registries that they serve. */
import { createEmbedMetrics, createTrainMetrics } from "@dak/shared/observability";
import type { Registry } from "prom-client";

/** Series name → label names; Prometheus adds `instance` and `job` to each. */
export type Series = ReadonlyMap<string, ReadonlySet<string>>;

interface Described {
	readonly name: string;
	readonly type: unknown;
	readonly labelNames: readonly string[];
}

function seriesOf(registry: Registry): Series {
	const series = new Map<string, Set<string>>();
	for (const metric of registry.getMetricsAsArray() as unknown as Described[]) {
		const labels = [...metric.labelNames, "instance", "job"];
		// prom-client marks a histogram by its class only.
		const suffixes = metric.constructor.name === "Histogram" ? ["_bucket", "_sum", "_count"] : [""];
		for (const suffix of suffixes) series.set(metric.name + suffix, new Set(suffix === "_bucket" ? [...labels, "le"] : labels));
	}
	return series;
}

export const trainSeries = (): Series => seriesOf(createTrainMetrics().registry);
export const embedSeries = (): Series => seriesOf(createEmbedMetrics().registry);

/** Both, and what Prometheus itself knows of its targets. */
export function allSeries(): Series {
	return new Map([...trainSeries(), ...embedSeries(), ["up", new Set(["instance", "job"])]]);
}
