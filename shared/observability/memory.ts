/** Peak resident memory of this process since its start, bytes. */
export function peakRssBytes(): number {
	// maxRSS is in KiB on every platform (Node's documentation of process.resourceUsage).
	return process.resourceUsage().maxRSS * 1024;
}
