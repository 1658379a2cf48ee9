/** `npm start`: both services, where they listen, and a clean end. */
import { loadConfig } from "@dak/shared/config";
import { toDakError } from "@dak/shared/errors";
import { bringBaseModel } from "./base-model.js";
import { type Services, startServices } from "./services.js";
import { createTerminal, type Terminal } from "./terminal.js";

interface LogLine {
	readonly time?: number;
	readonly level?: number;
	readonly msg?: string;
}

const LEVELS: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** A JSON log line as a person reads it; anything else as it is. */
function readable(service: string, line: string): string {
	try {
		const { time, level, msg, ...rest } = JSON.parse(line) as LogLine & Record<string, unknown>;
		delete rest.service;
		const facts = Object.entries(rest)
			.map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
			.join(" ");
		return `${new Date(time ?? Date.now()).toISOString().slice(11, 19)} ${(LEVELS[level ?? 30] ?? "info").padEnd(5)} ${service.padEnd(13)} ${msg ?? ""} ${facts}`;
	} catch {
		return `${service.padEnd(13)} ${line}`;
	}
}

function announce(terminal: Terminal, host: string, { train, embed }: Services): void {
	const url = (port: number) => `http://${host}:${port}`;
	terminal.line(
		`${terminal.bold("train-service")}  REST ${url(train.rest)}  gRPC ${host}:${train.grpc}  docs ${url(train.rest)}/docs  metrics ${url(train.rest)}/metrics`,
	);
	terminal.line(
		`${terminal.bold("embed-service")}  REST ${url(embed.rest)}  gRPC ${host}:${embed.grpc}  docs ${url(embed.rest)}/docs  metrics ${url(embed.rest)}/metrics`,
	);
	terminal.line(terminal.dim("Ctrl-C ends both."));
}

/** Runs until a signal or until one service ends. Returns the exit code. */
export async function up(): Promise<number> {
	const terminal = createTerminal(process.stderr);
	try {
		const config = loadConfig();
		await bringBaseModel(config.DAK_BASE_MODEL, config, (line) => terminal.line(line));
		const services = await startServices({ env: process.env, onLog: (service, line) => terminal.line(readable(service, line)) });
		announce(terminal, config.DAK_HOST, services);
		const signal = new Promise<undefined>((resolve) => {
			for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(undefined));
		});
		const died = await Promise.race([services.ended, signal]);
		terminal.line(died === undefined ? "draining" : `${died}; ending the other`);
		await services.stop();
		terminal.line("ended");
		return died === undefined ? 0 : 1;
	} catch (error) {
		const { message, cause } = toDakError(error);
		terminal.line(`not started: ${cause instanceof Error ? cause.message : message}`);
		return 1;
	}
}
