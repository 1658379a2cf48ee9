/** Nearest-rank percentile. */
export function percentile(sorted: readonly number[], share: number): number {
	return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Median, 99th percentile and largest, in milliseconds. */
export function summary(times: readonly number[]): { readonly count: number; p50_ms: number; p99_ms: number; max_ms: number } {
	const sorted = [...times].sort((a, b) => a - b);
	const at = (share: number) => round(percentile(sorted, share), 2);
	return { count: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
}

export function median(values: readonly number[]): number {
	return percentile(
		[...values].sort((a, b) => a - b),
		0.5,
	);
}
