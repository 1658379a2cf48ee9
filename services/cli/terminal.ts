/** What the commands print: colours on a terminal only, bars that redraw themselves there and plain lines elsewhere. */

export interface Terminal {
	/** Whether the last line can be drawn over. */
	readonly isTty: boolean;
	/** Characters in a line. */
	readonly columns: number;
	/** Prints a line. */
	line(text?: string): void;
	/** Redraws the last line; elsewhere prints it only when `milestone` is set. */
	status(text: string, milestone: boolean): void;
	bold(text: string): string;
	dim(text: string): string;
	green(text: string): string;
	red(text: string): string;
	yellow(text: string): string;
}

/** What a terminal is made of: a terminal's stream, a pipe, or a test's. */
export interface TerminalStream {
	write(text: string): unknown;
	readonly isTTY?: boolean | undefined;
	readonly columns?: number | undefined;
}

export function createTerminal(stream: TerminalStream = process.stdout, env: NodeJS.ProcessEnv = process.env): Terminal {
	const isTty = stream.isTTY === true && env.TERM !== "dumb";
	// https://no-color.org: set to anything, but not to nothing.
	const colours = isTty && !env.NO_COLOR;
	const paint = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
	let open = false;
	return {
		isTty,
		get columns() {
			return stream.columns ?? 80;
		},
		line(text = "") {
			stream.write(`${open ? "\n" : ""}${text}\n`);
			open = false;
		},
		status(text, milestone) {
			if (isTty) {
				// A line that wraps could not be drawn over.
				stream.write(`\r\u001b[K${clip(text, Math.max(20, (stream.columns ?? 80) - 1))}`);
				open = true;
			} else if (milestone) stream.write(`${text}\n`);
		},
		bold: paint(1),
		dim: paint(2),
		green: paint(32),
		red: paint(31),
		yellow: paint(33),
	};
}

/** At most `width` characters; what is cut off is marked. */
export const clip = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** A bar of `width` characters. */
export function bar(share: number, width = 24): string {
	const full = Math.round(Math.min(1, Math.max(0, share)) * width);
	return "█".repeat(full) + "░".repeat(width - full);
}

export const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** 95 s → 1:35. */
export function clock(seconds: number): string {
	const whole = Math.max(0, Math.round(seconds));
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const signed = (value: number, digits = 3): string => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(digits)}`;
