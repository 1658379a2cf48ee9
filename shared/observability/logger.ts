import { type Logger, pino } from "pino";

export type { Logger };

/** JSON logs on stderr, so that a command's stdout stays its result. Keys that may hold a secret are masked. */
export function createLogger(service: string, level: string): Logger {
	return pino(
		{
			level,
			base: { service },
			redact: { paths: ["authorization", "*.authorization", "headers.authorization", "HF_TOKEN", "*.HF_TOKEN"], censor: "***" },
		},
		pino.destination({ dest: 2, sync: false }),
	);
}
