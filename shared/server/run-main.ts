/** What every service's main does: start, say where it listens, end cleanly on a signal. */
import { toDakError } from "../errors/index.js";
import type { Logger } from "../observability/index.js";

export interface Running {
	readonly restPort: number;
	readonly grpcPort: number;
	close(): Promise<void>;
}

/**
 * Starts a service. When it is ready, one line of JSON on stdout says where it listens: whoever started it can wait for that.
 * SIGTERM and SIGINT drain it; a second signal ends it at once.
 */
export async function runMain(service: string, logger: Logger, start: (logger: Logger) => Promise<Running>): Promise<void> {
	let running: Running;
	try {
		running = await start(logger);
	} catch (error) {
		const { reason, message, cause } = toDakError(error);
		logger.fatal({ reason, err: cause ?? error }, `${service} did not start: ${message}`);
		process.exit(1);
	}
	const { restPort, grpcPort } = running;
	process.stdout.write(`${JSON.stringify({ service, rest: restPort, grpc: grpcPort })}\n`);
	logger.info({ rest: restPort, grpc: grpcPort }, `${service} is ready`);
	let ending = false;
	const end = async (signal: string) => {
		if (ending) process.exit(1);
		ending = true;
		logger.info({ signal }, "draining");
		await running.close();
		logger.info("ended");
		process.exit(0);
	};
	process.on("SIGTERM", end);
	process.on("SIGINT", end);
}
