/** A real embed-service in a process of its own, over an artifact root that the bench fills. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { FolderArtifactStore } from "@dak/shared/adapters";

export interface Answer {
	readonly status: number;
	readonly headers: NodeJS.Dict<string | string[]>;
	readonly body: Buffer;
	readonly ms: number;
}

export class ServedEmbed {
	private constructor(
		readonly store: FolderArtifactStore,
		private readonly child: ChildProcess,
		private readonly folder: string,
		readonly port: number,
		/** From the start of the process until it answers. */
		readonly startMs: number,
	) {}

	readonly #agent = new Agent({ keepAlive: true, maxSockets: 512 });

	/** @param base the base model's folder · @param prepare fills the artifact root before the service starts */
	static async start(
		base: string,
		environment: Readonly<Record<string, string>>,
		prepare: (store: FolderArtifactStore, root: string) => void = () => {},
	): Promise<ServedEmbed> {
		const folder = mkdtempSync(join(tmpdir(), "dak-bench-"));
		const root = join(folder, "artifacts");
		const store = new FolderArtifactStore(root);
		prepare(store, root);
		const door = import.meta.resolve("@dak/embed-service/service");
		const main = fileURLToPath(new URL(door.endsWith(".ts") ? "../main.ts" : "../main.js", door));
		const env = {
			...process.env,
			DAK_DATA_DIR: folder,
			DAK_MODELS_DIR: dirname(resolve(base)),
			DAK_BASE_MODEL: resolve(base).slice(dirname(resolve(base)).length + 1),
			DAK_EMBED_PORT: "0",
			DAK_EMBED_GRPC_PORT: "0",
			DAK_DEVICE: "cpu",
			DAK_LOG_LEVEL: "warn",
			...environment,
		};
		const started = performance.now();
		const child = spawn(process.execPath, [...process.execArgv, main], { env, stdio: ["ignore", "pipe", "inherit"] });
		const port = await new Promise<number>((found, failed) => {
			child.on("exit", (code) => failed(new Error(`embed-service ended with code ${code}`)));
			createInterface({ input: child.stdout! }).on("line", (line) => {
				if (line.startsWith("{") && "rest" in JSON.parse(line)) found(JSON.parse(line).rest);
			});
		});
		return new ServedEmbed(store, child, folder, port, performance.now() - started);
	}

	/** A POST, timed from the call to its last byte. */
	post(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
		return this.#ask("POST", path, JSON.stringify(body), signal);
	}

	async get(path: string): Promise<unknown> {
		return JSON.parse(await this.text(path));
	}

	async text(path: string): Promise<string> {
		return (await this.#ask("GET", path)).body.toString();
	}

	/** Resident memory of the service, MiB. */
	rssMb(): number {
		const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
		return Math.round(Number(line?.[1] ?? Number.NaN) / 1024);
	}

	/** Processor time that the service has used, ms. */
	cpuMs(): number {
		const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
		// utime and stime, in ticks of 10 ms.
		return 10 * (Number(fields[11]) + Number(fields[12]));
	}

	async stop(): Promise<void> {
		this.#agent.destroy();
		const ended = new Promise((resolve) => this.child.once("exit", resolve));
		this.child.kill("SIGTERM");
		await ended;
		rmSync(this.folder, { recursive: true });
	}

	#ask(method: string, path: string, body?: string, signal?: AbortSignal): Promise<Answer> {
		const started = performance.now();
		return new Promise((resolve, reject) => {
			const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
			const options = { agent: this.#agent, host: "127.0.0.1", port: this.port, method, path, headers, signal };
			const sent = request(options as never, (response) => {
				const pieces: Buffer[] = [];
				response.on("data", (piece: Buffer) => pieces.push(piece));
				response.on("error", reject);
				response.on("end", () => {
					const ms = performance.now() - started;
					resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces), ms });
				});
			});
			sent.on("error", reject);
			sent.end(body);
		});
	}
}
