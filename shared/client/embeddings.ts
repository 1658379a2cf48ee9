/** Vectors and similarities from embed-service. */
import { batchesOf, type Limits, mapInOrder } from "./batches.js";
import type { EmbedTransport, TextSettings } from "./embed-transport.js";
import type { RestCaller } from "./http.js";
import type { CallSettings } from "./options.js";
import type { InfoJson } from "./types.js";

export interface EmbedOptions extends CallSettings, TextSettings {
	/** Unit length; default true. */
	readonly normalize?: boolean | undefined;
	/** Keep the first so many dimensions. */
	readonly dimensions?: number | undefined;
	/** Most texts in a request; default 64, and never more than the service takes. */
	readonly batchSize?: number | undefined;
	/** Requests under way at once; default 2. */
	readonly concurrency?: number | undefined;
}

export interface Embedded {
	/** One a text, in order. */
	readonly vectors: Float32Array[];
	/** name@generation of what the vectors came from, `base` for the base; several if an adapter was swapped meanwhile. */
	readonly adapters: readonly string[];
}

const BATCH = 64;
/** A request's body stays far below the service's limit, whatever the script (4 bytes a unit at most). */
const CHARACTERS = 1 << 20;

export class Embeddings {
	#maxBatch: Promise<number> | undefined;

	constructor(
		private readonly transport: EmbedTransport,
		private readonly rest: RestCaller,
	) {}

	/** Vectors of any number of texts, in order, batch by batch. @throws DakApiError ADAPTER_NOT_FOUND, OVERLOADED … */
	async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Embedded> {
		const vectors: Float32Array[] = [];
		const adapters = new Set<string>();
		for await (const batch of this.stream(texts, options)) {
			for (const vector of batch.vectors) vectors.push(vector);
			for (const name of batch.adapters) adapters.add(name);
		}
		return { vectors, adapters: [...adapters] };
	}

	/** The same for texts that are not all in memory: yields each batch's vectors when its turn has come. */
	async *stream(texts: Iterable<string> | AsyncIterable<string>, options: EmbedOptions = {}): AsyncGenerator<Embedded> {
		const limits: Limits = { texts: await this.#batchSize(options), characters: CHARACTERS };
		const concurrency = Math.max(1, options.concurrency ?? 2);
		yield* mapInOrder(batchesOf(texts, limits), concurrency, options.signal, (batch, signal) =>
			this.transport.embed(batch, { ...options, signal }),
		);
	}

	/** Cosine of one text and each of others. */
	similarity(source: string, sentences: readonly string[], options: TextSettings & CallSettings = {}): Promise<number[]> {
		return this.transport.similarity(source, sentences, options);
	}

	/** What is served: model, limits, device. */
	info({ signal }: CallSettings = {}): Promise<InfoJson> {
		return this.rest.json("/info", { signal });
	}

	/** The service's own limit is asked for once; a failure is asked again. */
	async #batchSize({ batchSize = BATCH, signal }: EmbedOptions): Promise<number> {
		this.#maxBatch ??= this.info({ signal }).then((info) => info.max_client_batch_size);
		try {
			return Math.max(1, Math.min(batchSize, await this.#maxBatch));
		} catch (error) {
			this.#maxBatch = undefined;
			throw error;
		}
	}
}
