/**
 * Faults at random moments over several nodes, under work that is checked: every job that was acknowledged must end as its user asked,
 * with the adapter of an undisturbed run byte for byte, and no vector that is served may differ.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "@dak/shared/random";
import type { JobJson } from "../../services/train-service/testing/index.js";
import { TestRedis } from "../../services/train-service/testing/redis-server.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { trainingPidOf } from "../../services/train-service/testing/training-pid.js";
import { ServiceProcess } from "./processes.js";

export interface CampaignOptions {
	readonly nodes: number;
	readonly jobs: number;
	/** At most; it ends earlier with the last job. */
	readonly faults: number;
	readonly seed: number;
	/** Between faults, at most. */
	readonly pauseMs: number;
	readonly log: (line: string) => void;
}

export interface CampaignReport {
	readonly seed: number;
	readonly nodes: number;
	readonly seconds: number;
	/** By kind. */
	readonly faults_injected: Readonly<Record<string, number>>;
	readonly jobs_acknowledged: number;
	readonly jobs_succeeded: number;
	/** Acknowledged, and not known any more or not brought to their end. */
	readonly jobs_lost: number;
	/** Failed by the rule that ends a job whose process or service dies again and again, and resumed by hand. */
	readonly resumed_by_hand: number;
	readonly adapters_different: number;
	/** Jobs whose events had a gap or came out of order. */
	readonly event_streams_broken: number;
	readonly vectors_checked: number;
	readonly wrong_vectors: number;
	/** Answered with an error, or not at all, while a service was down. */
	readonly requests_refused: number;
}

const TEXTS = ["red wool hat", "blue cotton shirt"];
const STEPS = 60;
const ENDED = ["succeeded", "failed", "cancelled"];

const jobOf = (adapter_name: string) => ({
	base_model: "small",
	dataset: { texts: SMALL_TEXTS },
	adapter_name,
	max_length: 16,
	lora: { r: 4 },
	training: { max_steps: STEPS, batch_size: 4, learning_rate: 1e-2 },
	checkpoint: { every_steps: 5 },
});

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
	const folder = mkdtempSync(join(tmpdir(), "dak-faults-"));
	const redis = await TestRedis.start();
	const campaign = new Campaign(options, folder, redis);
	try {
		return await campaign.run();
	} finally {
		await campaign.end();
		await redis.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

class Campaign {
	readonly #random: Random;
	readonly #nodes: ServiceProcess[];
	readonly #embed: ServiceProcess;
	readonly #shared: string;
	readonly #counts: Record<string, number> = {};
	readonly #sockets: Socket[] = [];
	#vectors = { checked: 0, wrong: 0, refused: 0 };
	#over = false;

	constructor(
		private readonly options: CampaignOptions,
		private readonly folder: string,
		private readonly redis: TestRedis,
	) {
		this.#random = new Random(options.seed);
		this.#shared = join(folder, "shared");
		writeSmallBase(join(folder, "models", "small"));
		this.#nodes = Array.from({ length: options.nodes }, (_, i) => new ServiceProcess("train", this.#environment(`node-${i}`)));
		this.#embed = new ServiceProcess("embed", this.#environment("embed"));
	}

	async run(): Promise<CampaignReport> {
		const { jobs, nodes, seed, log } = this.options;
		await Promise.all([...this.#nodes, this.#embed].map((service) => service.up()));
		const whole = await this.#untilEnded((await this.#submit("whole")).id);
		const expected = this.#sha256(whole);
		const vectors = await this.#servedVectors("whole");
		log(`undisturbed: ${whole.state}, ${expected.slice(0, 12)}`);
		const started = performance.now();
		const asking = this.#askForVectors(vectors);
		const acknowledged: string[] = [];
		const submitting = (async () => {
			for (let i = 0; i < jobs; i++) acknowledged.push((await this.#submit(`job-${i}`)).id);
		})();
		const faults = this.#injectFaults();
		await submitting;
		const ends = [];
		let resumed = 0;
		for (const id of acknowledged) {
			let job = await this.#untilEnded(id);
			for (; job.state === "failed"; resumed++) {
				log(`${id} resumed: ${job.error?.message}`);
				await this.#ask(`/v1/jobs/${id}:resume`, { method: "POST" });
				job = await this.#untilEnded(id);
			}
			log(`${id} ${job.state}, taken up again ${job.restarts} times`);
			ends.push(job);
		}
		this.#over = true;
		await Promise.all([faults, asking]);
		const succeeded = ends.filter(({ state }) => state === "succeeded");
		const streams = [];
		for (const id of acknowledged) streams.push(await this.#eventsAreWhole(id));
		return {
			seed,
			nodes,
			seconds: Math.round((performance.now() - started) / 1000),
			faults_injected: this.#counts,
			jobs_acknowledged: acknowledged.length,
			jobs_succeeded: succeeded.length,
			jobs_lost: acknowledged.length - succeeded.length,
			resumed_by_hand: resumed,
			adapters_different: succeeded.filter((job) => this.#sha256(job) !== expected).length,
			event_streams_broken: streams.filter((whole) => !whole).length,
			vectors_checked: this.#vectors.checked,
			wrong_vectors: this.#vectors.wrong,
			requests_refused: this.#vectors.refused,
		};
	}

	async end(): Promise<void> {
		this.#over = true;
		for (const socket of this.#sockets) socket.destroy();
		await Promise.all([...this.#nodes, this.#embed].map((service) => service.end("SIGKILL")));
	}

	#environment(name: string): Record<string, string> {
		mkdirSync(join(this.folder, name), { recursive: true });
		return {
			DAK_DATA_DIR: join(this.folder, name),
			DAK_MODELS_DIR: join(this.folder, "models"),
			DAK_ARTIFACTS: this.#shared,
			DAK_REDIS_URL: this.redis.url,
			DAK_NODE_TIMEOUT: "2",
			DAK_BASE_MODEL: "small",
			DAK_THREADS: "1",
			DAK_TRAIN_PORT: "0",
			DAK_TRAIN_GRPC_PORT: "0",
			DAK_EMBED_PORT: "0",
			DAK_EMBED_GRPC_PORT: "0",
			DAK_LOG_LEVEL: "silent",
		};
	}

	/** Of any node that answers. */
	async #ask(path: string, init?: RequestInit): Promise<unknown> {
		for (;;) {
			const node = this.#nodes[this.#random.below(this.#nodes.length)]!;
			try {
				const response = await fetch(node.url + path, { ...init, signal: AbortSignal.timeout(15_000) });
				if (response.status < 500 && response.status !== 429) return await response.json();
				await response.body?.cancel();
			} catch {
				// It is down, or went down before it answered: the next try goes to another.
			}
			await sleep(100);
		}
	}

	/** The same key for each try: what a node took before it could say so is not made twice. */
	async #submit(name: string): Promise<JobJson> {
		const headers = { "content-type": "application/json", "idempotency-key": name };
		return (await this.#ask("/v1/jobs", { method: "POST", headers, body: JSON.stringify(jobOf(name)) })) as JobJson;
	}

	async #untilEnded(id: string): Promise<JobJson> {
		for (;;) {
			const job = (await this.#ask(`/v1/jobs/${id}`)) as JobJson;
			if (ENDED.includes(job.state)) return job;
			await sleep(200);
		}
	}

	#sha256({ adapter_path = "" }: JobJson): string {
		return createHash("sha256")
			.update(readFileSync(join(this.#shared, adapter_path, "adapter_model.safetensors")))
			.digest("hex");
	}

	async #eventsAreWhole(id: string): Promise<boolean> {
		for (const node of this.#nodes) {
			const text = await fetch(`${node.url}/v1/jobs/${id}/events`, { signal: AbortSignal.timeout(30_000) }).then(
				(response) => response.text(),
				() => undefined,
			);
			if (text === undefined) continue;
			const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, sequence]) => Number(sequence));
			return ids.length > 0 && ids.every((sequence, i) => sequence === i + 1);
		}
		return false;
	}

	async #vectorsOf(adapter: string): Promise<string | undefined> {
		const response = await fetch(`${this.#embed.url}/embed`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ inputs: TEXTS, adapter }),
			signal: AbortSignal.timeout(15_000),
		});
		const body = await response.text();
		return response.status === 200 ? body : undefined;
	}

	async #servedVectors(adapter: string): Promise<string> {
		for (;;) {
			const found = await this.#vectorsOf(adapter).catch(() => undefined);
			if (found !== undefined) return found;
			await sleep(100);
		}
	}

	async #askForVectors(expected: string): Promise<void> {
		while (!this.#over) {
			const found = await this.#vectorsOf("whole").catch(() => undefined);
			this.#vectors.checked++;
			if (found === undefined) this.#vectors.refused++;
			else if (found !== expected) this.#vectors.wrong++;
			await sleep(found === undefined ? 100 : 10);
		}
	}

	async #injectFaults(): Promise<void> {
		const kinds: Record<string, () => Promise<unknown>> = {
			node_killed: () => this.#killNode(),
			training_process_killed: async () => this.#killTraining(),
			node_stopped_and_continued: () => this.#stopNode(),
			redis_killed: () => this.#killRedis(),
			embed_service_killed: () => this.#killEmbed(),
			checkpoint_damaged: async () => this.#damageCheckpoint(),
			client_stops_reading: async () => this.#stopReading(),
		};
		const names = Object.keys(kinds);
		for (let i = 0; i < this.options.faults && !this.#over; i++) {
			await sleep(this.#random.below(this.options.pauseMs));
			// Each once first, so that a short campaign has them all.
			const name = i < names.length ? names[i]! : names[this.#random.below(names.length)]!;
			if ((await kinds[name]!()) !== false) {
				this.#counts[name] = (this.#counts[name] ?? 0) + 1;
				this.options.log(name);
			}
		}
	}

	#anyNode(): ServiceProcess {
		return this.#nodes[this.#random.below(this.#nodes.length)]!;
	}

	async #killNode(): Promise<void> {
		const node = this.#anyNode();
		await node.end("SIGKILL");
		await sleep(this.#random.below(2000));
		await node.up();
	}

	#killTraining(): boolean {
		for (const node of this.#nodes) {
			try {
				process.kill(trainingPidOf(node.pid), "SIGKILL");
				return true;
			} catch {
				// It trains nothing at the moment.
			}
		}
		return false;
	}

	async #stopNode(): Promise<void> {
		const node = this.#anyNode();
		node.signal("SIGSTOP");
		await sleep(1000 + this.#random.below(4000));
		node.signal("SIGCONT");
	}

	async #killRedis(): Promise<void> {
		await this.redis.kill();
		await sleep(this.#random.below(1500));
		await this.redis.up();
	}

	async #killEmbed(): Promise<void> {
		await this.#embed.end("SIGKILL");
		await this.#embed.up();
	}

	/** One bit, or the second half, of a running job's newest checkpoint. */
	#damageCheckpoint(): boolean {
		try {
			const root = join(this.#shared, "checkpoints");
			const jobs = readdirSync(root).map((id) => join(root, id));
			const checkpoints = jobs.flatMap((job) =>
				readdirSync(job)
					.filter((name) => /^\d{8}-/.test(name))
					.sort()
					.slice(-1)
					.map((name) => join(job, name)),
			);
			const file = join(checkpoints[this.#random.below(checkpoints.length)]!, "state.safetensors");
			const { size } = statSync(file);
			if (this.#random.below(2) === 0) truncateSync(file, size >> 1);
			else {
				const at = this.#random.below(size);
				const flipped = readFileSync(file)[at]! ^ 1;
				const descriptor = openSync(file, "r+");
				writeSync(descriptor, Uint8Array.of(flipped), 0, 1, at);
				closeSync(descriptor);
			}
			return true;
		} catch {
			// There is none, or it was removed meanwhile.
			return false;
		}
	}

	/** Asks for all events of all jobs there are, and reads nothing. */
	async #stopReading(): Promise<boolean> {
		const { port } = new URL(this.#anyNode().url);
		const { jobs } = (await this.#ask("/v1/jobs")) as { jobs: JobJson[] };
		for (const { id } of jobs) {
			const socket = connect(Number(port), "127.0.0.1");
			socket.on("error", () => {});
			socket.pause();
			socket.write(`GET /v1/jobs/${id}/events HTTP/1.1\r\nhost: x\r\n\r\n`);
			this.#sockets.push(socket);
		}
		return jobs.length > 0;
	}
}
