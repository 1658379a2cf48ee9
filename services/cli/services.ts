/** Both services as child processes: started together, ended together. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { aborted } from "./interruption.js";

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
	/** Aborted while they start: they are ended, and startServices throws. */
	readonly signal: AbortSignal;
}

/** Draining takes no longer than this; then a service is killed. */
const DRAIN_MS = 30_000;

/** The line by which a service says that it is ready. */
function portsIn(line: string): Ports | undefined {
	try {
		const { rest, grpc } = JSON.parse(line) as Partial<Ports>;
		return rest !== undefined && grpc !== undefined ? { rest, grpc } : undefined;
	} catch {
		return undefined;
	}
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
			createInterface({ input: this.#process.stdout! }).on("line", (line) => {
				const ports = portsIn(line);
				if (ports) resolve(ports);
			});
			void this.exited.then((how) => reject(new Error(how)));
		});
		// Whoever waits for the ports hears of the failure; nobody else has to.
		this.ports.catch(() => {});
		this.#leaveNoOrphan();
	}

	/** However this process ends, the service does not stay behind without a parent. */
	#leaveNoOrphan(): void {
		const kill = () => this.#process.kill("SIGKILL");
		process.once("exit", kill);
		void this.exited.then(() => process.off("exit", kill));
	}

	async stop(): Promise<void> {
		this.#process.kill("SIGTERM");
		const hard = setTimeout(() => this.#process.kill("SIGKILL"), DRAIN_MS);
		await this.exited;
		clearTimeout(hard);
	}
}

/** Starts both and waits until they are ready. @throws Error with how one ended, if it did; the other is ended then */
export async function startServices(options: ServicesOptions): Promise<Services> {
	options.signal.throwIfAborted();
	const [train, embed] = [new Child("train-service", options), new Child("embed-service", options)];
	const stop = async () => {
		await Promise.all([train.stop(), embed.stop()]);
	};
	const interrupted = aborted(options.signal).then(() => Promise.reject(new Error("interrupted while the services started")));
	try {
		const [trainPorts, embedPorts] = await Promise.race([Promise.all([train.ports, embed.ports]), interrupted]);
		interrupted.catch(() => {});
		return { train: trainPorts, embed: embedPorts, ended: Promise.race([train.exited, embed.exited]), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
