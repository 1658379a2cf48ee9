/** What a scrape of /metrics holds. */

/** The first value of a metric in Prometheus' text format, by its name without labels. */
export function metricValue(text: string, name: string): number | undefined {
	const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `) || candidate.startsWith(`${name}{`));
	return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}

/** Names of the product's own metrics in Prometheus' text format. */
export const metricNames = (text: string): Set<string> => new Set([...text.matchAll(/^# TYPE (dak_\w+)/gm)].map((match) => match[1]!));
