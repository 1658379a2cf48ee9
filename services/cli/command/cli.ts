/** What every command has: where it prints, its environment, and the services' client. */
import { DakClient } from "@dak/shared/client";
import { type Config, loadConfig } from "@dak/shared/config";
import { createTerminal, type Terminal, type TerminalStream } from "../terminal.js";
import { type Connection, clientOptions } from "./connection.js";

export interface Io {
	readonly out: TerminalStream;
	readonly err: TerminalStream;
	readonly env: NodeJS.ProcessEnv;
}

export class Cli {
	readonly out: Terminal;
	/** Progress and warnings, so that what is piped holds results only. */
	readonly err: Terminal;
	/** What the process ends with. */
	exitCode = 0;

	constructor(readonly io: Io) {
		this.out = createTerminal(io.out, io.env);
		this.err = createTerminal(io.err, io.env);
	}

	/** @throws DakError INVALID_REQUEST naming each bad variable */
	get config(): Config {
		return loadConfig(this.io.env);
	}

	/** One JSON value as one line. */
	json(value: unknown): void {
		this.io.out.write(`${JSON.stringify(value)}\n`);
	}

	/** Calls `use` with a client that is closed afterwards. */
	async withClient<T>(connection: Connection, use: (dak: DakClient) => Promise<T>): Promise<T> {
		const dak = new DakClient({
			...clientOptions(connection, this.config),
			apiKey: this.io.env.DAK_API_KEY,
			retry: {
				retries: 3,
				onRetry: ({ error, delayMs }) => {
					// A wait that nobody notices needs no words.
					if (delayMs >= 1000) this.err.line(this.err.dim(`${error.message}; trying again in ${Math.round(delayMs / 1000)} s`));
				},
			},
		});
		try {
			return await use(dak);
		} finally {
			dak.close();
		}
	}
}
