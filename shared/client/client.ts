import { Adapters } from "./adapters.js";
import { Datasets } from "./datasets.js";
import { grpcTransport, restTransport, type TextSettings } from "./embed-transport.js";
import { type Embedded, Embeddings, type EmbedOptions } from "./embeddings.js";
import { GrpcClients } from "./grpc.js";
import { RestCaller } from "./http.js";
import { Jobs } from "./jobs.js";
import { type CallSettings, type DakClientOptions, settingsOf } from "./options.js";

/**
 * Both services from a program. Calls are retried where that is safe, end with their AbortSignal, and fail with a DakApiError.
 *
 * ```ts
 * const dak = new DakClient();
 * const { id } = await dak.datasets.uploadFile("titles.txt");
 * const job = await dak.jobs.create({ base_model: "all-MiniLM-L6-v2", dataset: { upload: id }, adapter_name: "titles" });
 * for await (const event of dak.jobs.watch(job.id)) if (event.type === "progress") console.log(event.step, event.loss);
 * const { vectors } = await dak.embed(["hex bolt m8"], { adapter: "titles" });
 * dak.close();
 * ```
 */
export class DakClient {
	readonly jobs: Jobs;
	readonly datasets: Datasets;
	readonly adapters: Adapters;
	readonly embeddings: Embeddings;
	/** The generated services' own typed clients, without retries; their failures are DakErrors. */
	readonly grpc: GrpcClients;

	constructor(options: DakClientOptions = {}) {
		const settings = settingsOf(options);
		const [train, embed] = [new RestCaller(settings.trainUrl, settings), new RestCaller(settings.embedUrl, settings)];
		this.grpc = new GrpcClients(settings);
		this.jobs = new Jobs(train, this.grpc, settings);
		this.datasets = new Datasets(train);
		this.adapters = new Adapters(embed);
		const transport = settings.transport === "grpc" ? grpcTransport(this.grpc, settings) : restTransport(embed);
		this.embeddings = new Embeddings(transport, embed);
	}

	/** Vectors of any number of texts, in order. */
	embed(texts: readonly string[], options?: EmbedOptions): Promise<Embedded> {
		return this.embeddings.embed(texts, options);
	}

	/** Cosine of one text and each of others. */
	similarity(source: string, sentences: readonly string[], options?: TextSettings & CallSettings): Promise<number[]> {
		return this.embeddings.similarity(source, sentences, options);
	}

	/** Closes the gRPC connections; without it they keep a process alive. */
	close(): void {
		this.grpc.close();
	}
}
