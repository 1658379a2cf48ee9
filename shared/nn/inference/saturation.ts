/** Whether 8-bit products are exact on this processor. */
import { readFileSync } from "node:fs";

let known: boolean | undefined;

/**
 * x86 without VNNI adds two products in 16 signed bits, where 2·255·127 does not fit. Then int8 has weights of 7 bits and
 * precise activations of twice 7, which do. Unsure (no /proc/cpuinfo) counts as true.
 */
export function productsSaturate(): boolean {
	known ??= process.arch === "x64" && !hasVnni();
	return known;
}

function hasVnni(): boolean {
	try {
		return /\bavx(512)?_vnni\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
	} catch {
		return false;
	}
}
