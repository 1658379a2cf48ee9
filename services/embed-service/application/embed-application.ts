/** What embed-service does, behind REST and gRPC alike. */
import { DakError, invalidField, toDakError } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import type { EmbedMetrics } from "@dak/shared/observability";
import type { TokenizedPiece, Tokenizer } from "@dak/shared/tokenization";
import type { AdapterLease, AdapterRegistry } from "../adapters/index.js";
import type { Scheduler } from "../batching/index.js";
import type { ModelRunner } from "../engine/index.js";
import { type TextInput, TextInputs, type TokenizeSettings } from "./text-inputs.js";
import { cosine, finish } from "./vectors.js";

export interface EmbedRequest extends TokenizeSettings {
	readonly inputs: readonly TextInput[];
	/** None: the base. One: for all inputs. Else one an input, "" for the base. */
	readonly adapters: readonly string[];
	readonly normalize: boolean;
	/** Keep the first so many. */
	readonly dimensions?: number | undefined;
	/** Who asks, as ApiKeys names them: clients share the machine fairly. */
	readonly client?: string | undefined;
	readonly signal: AbortSignal;
}

export interface EmbedResult {
	/** @shape [D] each */
	readonly vectors: readonly Float32Array[];
	/** name@generation of each input's adapter, "" for the base. */
	readonly adapters: readonly string[];
	/** Over all inputs, special ones included. */
	readonly tokens: number;
}

export interface ApplicationLimits {
	readonly maxClientBatch: number;
	readonly maxBatchTokens: number;
	readonly maxTextBytes: number;
}

export interface EmbedApplicationOptions {
	readonly base: BaseModel;
	readonly tokenizer: Tokenizer;
	readonly runner: ModelRunner;
	readonly scheduler: Scheduler;
	readonly registry: AdapterRegistry;
	readonly metrics: EmbedMetrics;
	readonly limits: ApplicationLimits;
}

export class EmbedApplication {
	readonly #texts: TextInputs;

	constructor(private readonly options: EmbedApplicationOptions) {
		this.#texts = new TextInputs(options.base, options.tokenizer, options.limits.maxTextBytes);
	}

	get registry(): AdapterRegistry {
		return this.options.registry;
	}

	/** @throws EMPTY_INPUT, PAYLOAD_TOO_LARGE, TOKENIZATION_FAILED, INVALID_REQUEST, ADAPTER_NOT_FOUND, OVERLOADED, CANCELLED … */
	async embed(request: EmbedRequest): Promise<EmbedResult> {
		const { metrics } = this.options;
		const started = performance.now();
		try {
			const result = await this.#embed(request);
			metrics.requests.inc({ outcome: "ok" });
			return result;
		} catch (error) {
			metrics.requests.inc({ outcome: toDakError(error).reason });
			throw error;
		} finally {
			metrics.requestSeconds.observe((performance.now() - started) / 1000);
		}
	}

	/** Cosine of the source sentence and each other. */
	async similarity(source: string, sentences: readonly string[], request: Omit<EmbedRequest, "inputs" | "normalize">) {
		if (sentences.length === 0) throw new DakError("EMPTY_INPUT", "inputs/sentences: found none, allowed: at least one");
		const { vectors, adapters } = await this.embed({ ...request, inputs: [source, ...sentences], normalize: true });
		const [first, ...rest] = vectors;
		return { similarities: rest.map((vector) => cosine(first!, vector)), adapter: adapters[0]! };
	}

	/** The tokens of each text. */
	tokenize(inputs: readonly string[], addSpecialTokens: boolean, promptName: string | undefined): TokenizedPiece[][] {
		this.#checkCount(inputs.length);
		const prompt = promptName === undefined ? "" : this.#texts.prompt(promptName);
		return inputs.map((text, i) => {
			const bytes = Buffer.byteLength(text);
			if (bytes > this.options.limits.maxTextBytes)
				throw new DakError(
					"PAYLOAD_TOO_LARGE",
					`inputs/${i}: found ${bytes} bytes, allowed: ${this.options.limits.maxTextBytes} bytes a text`,
				);
			return this.options.tokenizer.tokenize(prompt + text, { addSpecialTokens });
		});
	}

	/** What is served, in our own words; REST adds Text Embeddings Inference's. */
	info() {
		const { base, runner, registry, limits } = this.options;
		return {
			modelId: base.folder.ref,
			modelFingerprint: base.fingerprint,
			pooling: base.pooling,
			maxInputLength: base.maxSeqLength,
			dimension: runner.dimension,
			maxClientBatchSize: limits.maxClientBatch,
			maxBatchTokens: limits.maxBatchTokens,
			compute: runner.compute,
			device: runner.device,
			deviceReason: runner.deviceReason,
			baseBytes: runner.baseBytes,
			adaptersLoaded: registry.list().length,
			prompts: base.prompts,
		};
	}

	/** Why requests cannot be served; undefined where they can. */
	notReady(): string | undefined {
		return this.options.runner.healthy ? undefined : "the engine has stopped";
	}

	async #embed(request: EmbedRequest): Promise<EmbedResult> {
		const { runner, scheduler, metrics } = this.options;
		this.#checkCount(request.inputs.length);
		const { dimensions, normalize, client, signal } = request;
		if (dimensions !== undefined && (dimensions < 1 || dimensions > runner.dimension)) {
			throw invalidField("/dimensions", `found ${dimensions}, allowed: 1 to ${runner.dimension}`);
		}
		const names = this.#adapterNames(request);
		const started = performance.now();
		const ids = request.inputs.map((input, i) => this.#texts.ids(input, i, request));
		metrics.tokenizeSeconds.observe((performance.now() - started) / 1000);
		const leases = await this.#acquire(names);
		try {
			const texts = ids.map((one, i) => ({ ids: one, adapter: leases.get(names[i]!)?.adapter }));
			const { vectors, queueMs } = await scheduler.submit(texts, { flow: { client: client ?? "", adapter: names[0]! }, signal });
			metrics.queueSeconds.observe(queueMs / 1000);
			this.#count(names, ids);
			return {
				vectors: vectors.map((vector) => finish(vector, dimensions, normalize)),
				adapters: names.map((name) => label(leases.get(name))),
				tokens: ids.reduce((sum, one) => sum + one.length, 0),
			};
		} finally {
			for (const lease of leases.values()) lease.release();
		}
	}

	#checkCount(count: number): void {
		const { maxClientBatch } = this.options.limits;
		if (count === 0) throw new DakError("EMPTY_INPUT", "inputs: found none, allowed: at least one text");
		if (count > maxClientBatch) throw new DakError("PAYLOAD_TOO_LARGE", `inputs: found ${count} texts, allowed: ${maxClientBatch}`);
	}

	/** The adapter's name for each input. */
	#adapterNames({ adapters, inputs }: EmbedRequest): readonly string[] {
		if (adapters.length <= 1) return inputs.map(() => adapters[0] ?? "");
		if (adapters.length !== inputs.length)
			throw invalidField("/adapter", `found ${adapters.length} names for ${inputs.length} inputs, allowed: one for all, or one an input`);
		return adapters;
	}

	/** Pins the present generation of every adapter that the request names: all of them, or none. */
	async #acquire(names: readonly string[]): Promise<Map<string, AdapterLease>> {
		const leases = new Map<string, AdapterLease>();
		try {
			for (const [name, texts] of countOf(names)) if (name !== "") leases.set(name, await this.options.registry.acquire(name, texts));
			return leases;
		} catch (error) {
			for (const lease of leases.values()) lease.release();
			throw error;
		}
	}

	#count(names: readonly string[], ids: readonly Int32Array[]): void {
		const { metrics } = this.options;
		const uses = new Map<string, { requests: number; texts: number; tokens: number }>();
		names.forEach((name, i) => {
			const use = uses.get(name) ?? { requests: 1, texts: 0, tokens: 0 };
			use.texts++;
			use.tokens += ids[i]!.length;
			uses.set(name, use);
		});
		for (const [name, use] of uses) {
			metrics.texts.inc(use.texts);
			metrics.tokens.inc(use.tokens);
			metrics.countAdapter(name === "" ? undefined : name, use);
		}
	}
}

function countOf(names: readonly string[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
	return counts;
}

const label = (lease: AdapterLease | undefined): string => (lease ? `${lease.name}@${lease.generation}` : "");
