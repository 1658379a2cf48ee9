import type { Terminal } from "../terminal.js";

/** A terminal without colours that keeps its lines. */
export function recordingTerminal(): Terminal & { readonly lines: string[] } {
	const lines: string[] = [];
	const plain = (text: string) => text;
	return {
		lines,
		isTty: false,
		columns: 80,
		line: (text = "") => void lines.push(text),
		status: (text, milestone) => void (milestone && lines.push(text)),
		bold: plain,
		dim: plain,
		green: plain,
		red: plain,
		yellow: plain,
	};
}
