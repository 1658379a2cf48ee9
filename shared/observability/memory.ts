import { readFileSync } from "node:fs";

/** Peak resident memory of this process since its start, bytes. */
export function peakRssBytes(): number {
	// maxRSS is in KiB on every platform (Node's documentation of process.resourceUsage).
	return process.resourceUsage().maxRSS * 1024;
}

/** Resident memory of a process, bytes; undefined where it has ended or /proc is not there. */
export function rssOfPid(pid: number): number | undefined {
	try {
		const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
		return pages * 4096;
	} catch {
		return undefined;
	}
}
