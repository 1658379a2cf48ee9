/** What embed-service does, behind REST and gRPC alike. */
import { DakError, invalidField, toDakError } from "@dak/shared/errors";
import type { BaseModel } from "@dak/shared/models";
import type { EmbedMetrics } from "@dak/shared/observability";
import type { TokenizedPiece, Tokenizer } from "@dak/shared/tokenization";
import type { AdapterRegistry } from "../adapters/index.js";
import type { Scheduler } from "../batching/index.js";
import type { ModelRunner } from "../engine/index.js";
import { AdapterLeases } from "./adapter-leases.js";
import { type TextInput, TextInputs, type TokenizeSettings } from "./text-inputs.js";
import { cosine, finish, meanOfWindows } from "./vectors.js";

export interface EmbedRequest extends TokenizeSettings {
	readonly inputs: readonly TextInput[];
	/** None: the base. One: for all inputs. Else one an input, "" for the base. `name@generation` takes that generation or fails. */
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
	readonly times: EmbedTimes;
}

export interface EmbedTimes {
	readonly tokenizeMs: number;
	readonly queueMs: number;
	readonly inferenceMs: number;
	readonly totalMs: number;
}

export interface SimilarityResult extends Pick<EmbedResult, "tokens" | "times"> {
	/** Cosine of the source sentence and each other. */
	readonly similarities: readonly number[];
	/** As in EmbedResult. */
	readonly adapter: string;
}

export interface Rank {
	/** In the texts as they came. */
	readonly index: number;
	/** Cosine of the query's and the text's vectors. */
	readonly score: number;
}

export interface ApplicationLimits {
	readonly maxClientBatch: number;
	readonly maxBatchTokens: number;
	readonly maxQueueTexts: number;
	readonly maxTextBytes: number;
}

/** What requests get that do not say. */
export interface ApplicationDefaults {
	/** Cut texts that are too long, in place of refusing them. */
	readonly autoTruncate: boolean;
	/** What OpenAI's clients call the base; unset: the model's own name. */
	readonly servedModelName?: string | undefined;
}

export interface EmbedApplicationOptions {
	readonly base: BaseModel;
	readonly tokenizer: Tokenizer;
	readonly runner: ModelRunner;
	readonly scheduler: Scheduler;
	readonly registry: AdapterRegistry;
	readonly metrics: EmbedMetrics;
	readonly limits: ApplicationLimits;
	readonly defaults: ApplicationDefaults;
}

export class EmbedApplication {
	readonly #texts: TextInputs;

	constructor(private readonly options: EmbedApplicationOptions) {
		const { base, tokenizer, limits, defaults } = options;
		this.#texts = new TextInputs(base, tokenizer, limits.maxTextBytes, defaults.autoTruncate ? "truncate" : "refuse");
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
	async similarity(
		source: string,
		sentences: readonly string[],
		request: Omit<EmbedRequest, "inputs" | "normalize">,
	): Promise<SimilarityResult> {
		if (sentences.length === 0) throw new DakError("EMPTY_INPUT", "inputs/sentences: found none, allowed: at least one");
		const { vectors, adapters, tokens, times } = await this.embed({ ...request, inputs: [source, ...sentences], normalize: true });
		const [first, ...rest] = vectors;
		return { similarities: rest.map((vector) => cosine(first!, vector)), adapter: adapters[0]!, tokens, times };
	}

	/** Texts by their cosine to the query, best first: a bi-encoder's ranking. Equal ones keep their order. */
	async rerank(query: string, texts: readonly string[], request: Omit<EmbedRequest, "inputs" | "normalize">) {
		if (texts.length === 0) throw new DakError("EMPTY_INPUT", "texts: found none, allowed: at least one");
		const { similarities, ...rest } = await this.similarity(query, texts, request);
		const ranks = similarities.map((score, index): Rank => ({ index, score })).sort((a, b) => b.score - a.score);
		return { ranks, ...rest };
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

	/** Texts of token ids. @throws INVALID_REQUEST for an id that the vocabulary lacks */
	decode(texts: readonly (readonly number[])[], skipSpecialTokens: boolean): string[] {
		this.#checkCount(texts.length);
		const { tokenizer } = this.options;
		return texts.map((ids, i) => {
			this.#texts.checkIds(ids, `/ids/${i}`);
			return tokenizer.decode(ids, { skipSpecialTokens });
		});
	}

	/** What is served, in our own words; REST adds Text Embeddings Inference's. */
	info() {
		const { base, runner, registry, limits, defaults } = this.options;
		return {
			modelId: base.folder.ref,
			servedModelName: defaults.servedModelName ?? base.folder.ref,
			modelFingerprint: base.fingerprint,
			pooling: base.pooling,
			maxInputLength: base.maxSeqLength,
			dimension: runner.dimension,
			maxClientBatchSize: limits.maxClientBatch,
			maxBatchTokens: limits.maxBatchTokens,
			maxQueueTexts: limits.maxQueueTexts,
			autoTruncate: defaults.autoTruncate,
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
		const windows = request.inputs.map((input, i) => this.#texts.windows(input, i, request));
		const tokenizeMs = performance.now() - started;
		metrics.tokenizeSeconds.observe(tokenizeMs / 1000);
		const leases = await AdapterLeases.acquire(this.options.registry, names);
		try {
			const texts = windows.flatMap((parts, i) => parts.map((ids) => ({ ids, adapter: leases.adapter(names[i]!) })));
			const { vectors, queueMs, inferenceMs } = await scheduler.submit(texts, {
				flow: { client: client ?? "", adapter: leases.nameOf(names[0]!) },
				signal,
			});
			metrics.queueSeconds.observe(queueMs / 1000);
			const tokens = windows.map((parts) => parts.reduce((sum, { length }) => sum + length, 0));
			this.#count(names.map(leases.nameOf), tokens);
			return {
				vectors: meanOfWindows(vectors, windows).map((vector) => finish(vector, dimensions, normalize)),
				adapters: names.map(leases.labelOf),
				tokens: tokens.reduce((sum, one) => sum + one, 0),
				times: { tokenizeMs, queueMs, inferenceMs, totalMs: performance.now() - started },
			};
		} finally {
			leases.release();
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

	#count(names: readonly string[], tokens: readonly number[]): void {
		const { metrics } = this.options;
		const uses = new Map<string, { requests: number; texts: number; tokens: number }>();
		names.forEach((name, i) => {
			const use = uses.get(name) ?? { requests: 1, texts: 0, tokens: 0 };
			use.texts++;
			use.tokens += tokens[i]!;
			uses.set(name, use);
		});
		for (const [name, use] of uses) {
			metrics.texts.inc(use.texts);
			metrics.tokens.inc(use.tokens);
			metrics.countAdapter(name === "" ? undefined : name, use);
		}
	}
}
