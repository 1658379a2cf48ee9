const LEVELS = "▁▂▃▄▅▆▇█";

/** A series as `width` characters at most, each the mean of its share of the series, from the lowest to the highest. */
export function sparkline(values: readonly number[], width: number): string {
	const count = Math.min(width, values.length);
	const means = Array.from({ length: count }, (_, i) => {
		const part = values.slice(Math.floor((i * values.length) / count), Math.floor(((i + 1) * values.length) / count));
		return part.reduce((sum, value) => sum + value, 0) / part.length;
	});
	const [low, high] = [Math.min(...means), Math.max(...means)];
	const level = (value: number) => (high > low ? Math.round(((value - low) / (high - low)) * (LEVELS.length - 1)) : 3);
	return means.map((value) => (Number.isFinite(value) ? LEVELS[level(value)] : "×")).join("");
}
