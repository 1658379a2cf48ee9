/** The services' logs (one JSON object a line) as a person reads them. */

const LEVELS: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

export interface LogLine {
	/** pino's number: 30 info, 40 warn, 50 error; 30 where the line is none of its. */
	readonly level: number;
	readonly text: string;
}

function parse(line: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

const shown = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** Time, level, service, message and facts; what is no log line (a crash's stack) stays as it is. */
export function readLogLine(service: string, line: string): LogLine {
	const fields = parse(line);
	if (!fields) return { level: 30, text: `${service.padEnd(13)} ${line}` };
	const { time, level, msg, service: _, ...rest } = fields;
	const rank = typeof level === "number" ? level : 30;
	const at = new Date(typeof time === "number" ? time : Date.now()).toISOString().slice(11, 19);
	const facts = Object.entries(rest).map(([key, value]) => ` ${key}=${shown(value)}`);
	return { level: rank, text: `${at} ${(LEVELS[rank] ?? "info").padEnd(5)} ${service.padEnd(13)} ${shown(msg ?? "")}${facts.join("")}` };
}
