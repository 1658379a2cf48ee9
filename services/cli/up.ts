/** `npm start` and `dak up`: both services, where they listen, and a clean end. */
import { type Config, loadConfig } from "@dak/shared/config";
import { bringBaseModel } from "./base-model.js";
import { reasonOf } from "./failure.js";
import { aborted, onInterruption } from "./interruption.js";
import { readLogLine } from "./log-line.js";
import { type Services, startServices } from "./services.js";
import { createTerminal, type Terminal } from "./terminal.js";

function announce(terminal: Terminal, scheme: string, host: string, { train, embed }: Services): void {
	// An IPv6 address stands in brackets before a port.
	const name = host.includes(":") ? `[${host}]` : host;
	for (const [service, { rest, grpc }] of Object.entries({ "train-service": train, "embed-service": embed })) {
		const url = `${scheme}://${name}:${rest}`;
		terminal.line(`${terminal.bold(service)}  REST ${url}  gRPC ${name}:${grpc}  docs ${url}/docs  metrics ${url}/metrics`);
	}
	terminal.line(`${terminal.bold("web console")}  ${scheme}://${name}:${train.rest}/`);
	terminal.line(terminal.dim("Ctrl-C ends both."));
}

export interface UpOptions {
	/** Hears once both are ready. */
	readonly onReady?: ((ports: Pick<Services, "train" | "embed">) => void) | undefined;
}

/** Runs until a signal or until one service ends. Returns the exit code. */
export async function up({ onReady }: UpOptions = {}): Promise<number> {
	const terminal = createTerminal(process.stderr);
	try {
		const config = loadConfig();
		await bringBaseModel(config.DAK_BASE_MODEL, config, (line) => terminal.line(line));
		return await run(terminal, config, onReady);
	} catch (error) {
		terminal.line(`not started: ${reasonOf(error)}`);
		return 1;
	}
}

async function run(terminal: Terminal, { DAK_HOST, DAK_TLS_CERT }: Config, onReady: UpOptions["onReady"]): Promise<number> {
	const { signal } = onInterruption();
	const onLog = (service: string, line: string) => terminal.line(readLogLine(service, line).text);
	const services = await startServices({ env: process.env, onLog, signal }).catch((error: unknown) => {
		if (!signal.aborted) throw error;
	});
	// Ended before they were ready, because someone wanted it.
	if (!services) return 0;
	announce(terminal, DAK_TLS_CERT === undefined ? "http" : "https", DAK_HOST, services);
	onReady?.({ train: services.train, embed: services.embed });
	const died = await Promise.race([services.ended, aborted(signal)]);
	terminal.line(died === undefined ? "draining" : `${died}; ending the other`);
	await services.stop();
	terminal.line("ended");
	return died === undefined ? 0 : 1;
}
