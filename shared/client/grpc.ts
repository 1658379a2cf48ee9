/** The generated services' typed clients, opened at first use. */
import type { DescService } from "@bufbuild/protobuf";
import { credentials } from "@grpc/grpc-js";
import { AdapterService, EmbedService, TrainService } from "../proto/index.js";
// Not through the door: it would load the servers' libraries into every client.
import { createGrpcClient, type GrpcClient } from "../server/grpc-client.js";
import type { Settings } from "./options.js";

/** A channel whose connection is lost tries again at least this often. */
const RECONNECT_MS = 2_000;

export class GrpcClients {
	readonly #open = new Map<DescService, GrpcClient<DescService>>();

	constructor(private readonly settings: Settings) {}

	get train(): GrpcClient<typeof TrainService> {
		return this.#client(TrainService, this.settings.trainGrpc);
	}

	get embed(): GrpcClient<typeof EmbedService> {
		return this.#client(EmbedService, this.settings.embedGrpc);
	}

	get adapters(): GrpcClient<typeof AdapterService> {
		return this.#client(AdapterService, this.settings.embedGrpc);
	}

	close(): void {
		for (const client of this.#open.values()) client.close();
		this.#open.clear();
	}

	#client<S extends DescService>(desc: S, address: string): GrpcClient<S> {
		const open = this.#open.get(desc) as GrpcClient<S> | undefined;
		if (open) return open;
		const secure = /^(grpcs|https):\/\//.test(address);
		const client = createGrpcClient(desc, address.replace(/^\w+:\/\//, ""), {
			apiKey: this.settings.apiKey,
			reconnectMs: RECONNECT_MS,
			...(secure && { credentials: credentials.createSsl() }),
		});
		this.#open.set(desc, client as unknown as GrpcClient<DescService>);
		return client;
	}
}
