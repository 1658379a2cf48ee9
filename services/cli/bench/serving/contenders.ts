/** This project's own ways to embed, as the peers are measured: the engine in this process, and a service over HTTP. */
import { Scheduler } from "@dak/embed-service/batching";
import { createRunner, type ModelRunner } from "@dak/embed-service/engine";
import { type BaseModel, openBaseModel, resolveModel } from "@dak/shared/models";
import type { ComputeMode } from "@dak/shared/nn/inference";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";
import type { Contender, RoundTime } from "./peers.js";
import { ServedEmbed } from "./served.js";

export interface ContenderOptions {
	readonly base: string;
	readonly threads: number;
	readonly batch: number;
	readonly maxLength: number;
}

function unit(vector: Float32Array): Float32Array {
	const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
	return vector.map((value) => value / length);
}

export class EngineContender implements Contender {
	private constructor(
		readonly name: string,
		private readonly texts: readonly string[],
		private readonly options: ContenderOptions,
		private readonly base: BaseModel,
		private readonly tokenizer: Tokenizer,
		private readonly runner: ModelRunner,
	) {}

	static async start(compute: ComputeMode, texts: readonly string[], options: ContenderOptions): Promise<EngineContender> {
		const base = await openBaseModel(await resolveModel(options.base, { allowPaths: true }));
		const tokenizer = await loadTokenizer(base.folder.path);
		const runner = await createRunner(base, { device: "cpu", threads: options.threads, compute });
		return new EngineContender(`engine ${compute}`, texts, options, base, tokenizer, runner);
	}

	async round(): Promise<RoundTime> {
		const [started, cpu] = [performance.now(), process.cpuUsage()];
		await this.#embed(this.texts);
		const { user, system } = process.cpuUsage(cpu);
		return { ms: performance.now() - started, cpuMs: (user + system) / 1000 };
	}

	async single(count: number): Promise<number[]> {
		const times: number[] = [];
		for (let i = 0; i < count; i++) {
			const started = performance.now();
			await this.#embed([this.texts[i % this.texts.length]!]);
			times.push(performance.now() - started);
		}
		return times;
	}

	async vectors(count: number): Promise<Float32Array[]> {
		return (await this.#embed(this.texts.slice(0, count))).map(unit);
	}

	async stop(): Promise<void> {
		await this.runner.close();
		this.base.weights.close();
	}

	async #embed(texts: readonly string[]): Promise<readonly Float32Array[]> {
		const limits = { maxBatchTokens: 1e9, maxBatchTexts: this.options.batch, maxQueueTexts: 1e9, maxQueueTokens: 1e9, maxQueueMs: 1e9 };
		const ids = texts.map((text) => this.tokenizer.encode(text, { maxLength: this.options.maxLength }));
		const order = ids.map((_, i) => i).sort((a, b) => ids[b]!.length - ids[a]!.length);
		const scheduler = new Scheduler(this.runner, limits);
		const { vectors } = await scheduler.submit(order.map((i) => ({ ids: ids[i]!, adapter: undefined })));
		const sorted: Float32Array[] = new Array(texts.length);
		order.forEach((i, at) => {
			sorted[i] = vectors[at]!;
		});
		return sorted;
	}
}

/** Requests of one batch each, a few under way at once. */
const REQUESTS_AT_ONCE = 4;

export class HttpContender implements Contender {
	private constructor(
		readonly name: string,
		private readonly texts: readonly string[],
		private readonly batch: number,
		private readonly service: ServedEmbed,
	) {}

	static async start(compute: ComputeMode, texts: readonly string[], { base, threads, batch }: ContenderOptions): Promise<HttpContender> {
		const service = await ServedEmbed.start(base, { DAK_COMPUTE: compute, DAK_THREADS: `${threads}`, DAK_MAX_QUEUE_MS: "600000" });
		return new HttpContender(`service ${compute} over HTTP`, texts, batch, service);
	}

	async round(): Promise<RoundTime> {
		const started = performance.now();
		const cpu = this.service.cpuMs();
		let next = 0;
		const client = async () => {
			while (next < this.texts.length) {
				const from = next;
				next += this.batch;
				await this.#embed(this.texts.slice(from, from + this.batch));
			}
		};
		await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, client));
		return { ms: performance.now() - started, cpuMs: this.service.cpuMs() - cpu };
	}

	async single(count: number): Promise<number[]> {
		const times: number[] = [];
		for (let i = 0; i < count; i++) times.push((await this.#embed([this.texts[i % this.texts.length]!])).ms);
		return times;
	}

	async vectors(count: number): Promise<number[][]> {
		return JSON.parse((await this.#embed(this.texts.slice(0, count))).body.toString());
	}

	stop(): Promise<void> {
		return this.service.stop();
	}

	async #embed(inputs: readonly string[]) {
		const answer = await this.service.post("/embed", { inputs, truncate: true });
		if (answer.status !== 200) throw new Error(`embed-service answered ${answer.status}: ${answer.body}`);
		return answer;
	}
}
