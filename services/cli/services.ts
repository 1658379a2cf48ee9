/** Both services as child processes: started together, ended together. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Ports {
	readonly rest: number;
	readonly grpc: number;
}

export interface Services {
	readonly train: Ports;
	readonly embed: Ports;
	/** Resolves when either has ended by itself: with its name and how. */
	readonly ended: Promise<string>;
	/** Drains both; resolves when they have ended. */
	stop(): Promise<void>;
}

export interface ServicesOptions {
	readonly env: NodeJS.ProcessEnv;
	/** Hears each line of their logs. */
	readonly onLog: (service: string, line: string) => void;
}

class Child {
	readonly ports: Promise<Ports>;
	readonly exited: Promise<string>;
	readonly #process: ChildProcess;

	constructor(name: string, { env, onLog }: ServicesOptions) {
		const door = import.meta.resolve(`@dak/${name}/service`);
		const main = fileURLToPath(new URL(door.endsWith(".ts") ? "../main.ts" : "../main.js", door));
		// Its own process group: a terminal's Ctrl-C reaches the parent alone, which then drains both in order.
		this.#process = spawn(process.execPath, [...process.execArgv, main], { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
		createInterface({ input: this.#process.stderr! }).on("line", (line) => onLog(name, line));
		this.exited = new Promise((resolve) => {
			this.#process.on("error", (error) => resolve(`${name} did not start: ${error.message}`));
			this.#process.on("exit", (code, signal) => resolve(`${name} ended ${signal ? `by ${signal}` : `with code ${code}`}`));
		});
		this.ports = new Promise((resolve, reject) => {
			createInterface({ input: this.#process.stdout! }).on("line", (line) => resolve(JSON.parse(line) as Ports));
			void this.exited.then((how) => reject(new Error(how)));
		});
		// Whoever waits for the ports hears of the failure; nobody else has to.
		this.ports.catch(() => {});
	}

	async stop(): Promise<void> {
		this.#process.kill("SIGTERM");
		const hard = setTimeout(() => this.#process.kill("SIGKILL"), 30_000);
		await this.exited;
		clearTimeout(hard);
	}
}

/** Starts both and waits until they are ready. @throws Error with how one ended, if it did; the other is ended then */
export async function startServices(options: ServicesOptions): Promise<Services> {
	const [train, embed] = [new Child("train-service", options), new Child("embed-service", options)];
	const stop = async () => {
		await Promise.all([train.stop(), embed.stop()]);
	};
	try {
		const [trainPorts, embedPorts] = await Promise.all([train.ports, embed.ports]);
		return { train: trainPorts, embed: embedPorts, ended: Promise.race([train.exited, embed.exited]), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
