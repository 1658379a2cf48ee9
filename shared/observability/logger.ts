import { type Logger, pino } from "pino";
import { logFields } from "./tracing.js";

export type { Logger };

/**
 * JSON logs on stderr, so that a command's stdout stays its result. Keys that may hold a secret are masked; each line names the request,
 * job and trace that it belongs to.
 */
export function createLogger(service: string, level: string): Logger {
	return pino(
		{
			level,
			base: { service },
			mixin: logFields,
			redact: { paths: ["authorization", "*.authorization", "headers.authorization", "HF_TOKEN", "*.HF_TOKEN"], censor: "***" },
		},
		pino.destination({ dest: 2, sync: false }),
	);
}
