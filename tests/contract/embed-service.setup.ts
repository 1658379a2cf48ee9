/** A real embed-service over the real model, with adapters that the tests make. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FolderArtifactStore, type LoraModule, type WriteAdapterOptions, writeAdapterFolder } from "@dak/shared/adapters";
import { loadConfig } from "@dak/shared/config";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { AdapterService, EmbedService } from "@dak/shared/proto";
import { createGrpcClient, type GrpcClient } from "@dak/shared/server";
import { startEmbedService } from "../../services/embed-service/service/index.js";
import { seededParameter } from "../../shared/nn/testing/params.js";

export interface EmbedTestService {
	readonly url: string;
	/** Of gRPC. */
	readonly address: string;
	/** The artifact root. */
	readonly root: string;
	readonly store: FolderArtifactStore;
	readonly embed: GrpcClient<typeof EmbedService>;
	readonly adapters: GrpcClient<typeof AdapterService>;
	post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
	stop(): Promise<void>;
}

/** Starts the service on free ports; `prepare` may fill the artifact root before. */
export async function launchEmbedService(
	environment: Readonly<Record<string, string>> = {},
	prepare: (root: string) => void = () => {},
): Promise<EmbedTestService> {
	const folder = mkdtempSync(join(tmpdir(), "dak-embed-"));
	const config = loadConfig({
		DAK_DATA_DIR: folder,
		DAK_MODELS_DIR: process.env.DAK_TEST_MODELS!,
		DAK_EMBED_PORT: "0",
		DAK_EMBED_GRPC_PORT: "0",
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		DAK_LOG_LEVEL: "silent",
		...environment,
	});
	const store = new FolderArtifactStore(config.artifactsDir);
	prepare(config.artifactsDir);
	const running = await startEmbedService(config);
	const url = `http://127.0.0.1:${running.restPort}`;
	const address = `127.0.0.1:${running.grpcPort}`;
	const embed = createGrpcClient(EmbedService, address);
	const adapters = createGrpcClient(AdapterService, address);
	return {
		url,
		address,
		root: config.artifactsDir,
		store,
		embed,
		adapters,
		post: (path, body, headers = {}) =>
			fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } }),
		stop: async () => {
			embed.close();
			adapters.close();
			await running.close();
			rmSync(folder, { recursive: true });
		},
	};
}

export interface AdapterKind {
	/** Fixes the factors. */
	readonly seed: string;
	readonly r?: number;
	readonly jobId?: string;
	readonly change?: (options: WriteAdapterOptions) => WriteAdapterOptions;
}

/** Writes an adapter for the base's queries and values. */
export function writeTestAdapter(folder: string, base: BaseModel, { seed, r = 4, jobId, change = (same) => same }: AdapterKind): void {
	const modules = linearLayers(base.encoder)
		.filter(({ path }) => path.endsWith("query") || path.endsWith("value"))
		.map((layer): LoraModule => {
			const a = seededParameter(`${seed}.${layer.path}.A`, r * layer.inFeatures, 0.1);
			return { ...layer, r, a, b: seededParameter(`${seed}.${layer.path}.B`, layer.outFeatures * r, 0.1) };
		});
	const { ref } = base.folder;
	writeAdapterFolder(
		folder,
		change({
			name: seed,
			r,
			alpha: 2 * r,
			modules,
			base: { ref, fingerprint: base.fingerprint, hiddenSize: base.encoder.hiddenSize, normalize: true, prompts: {} },
			tokenizerHash: "",
			dataHash: "",
			quantization: "nf4-double",
			pooling: base.pooling,
			maxLength: 64,
			maxSeqLength: base.maxSeqLength,
			jobId,
			settings: {},
			metrics: {},
			verdict: "unverified",
			canaries: [],
		}),
	);
}

const WEIGHTS = "adapter_model.safetensors";
const CONFIG = "adapter_config.json";

/** Every kind of folder that must be refused, below `<root>/broken`. */
export function writeBrokenAdapters(root: string, base: BaseModel): void {
	const at = (name: string) => join(root, "broken", name);
	const write = (name: string, kind: Partial<AdapterKind> = {}) => writeTestAdapter(at(name), base, { seed: name, ...kind });
	const changed = (name: string, change: NonNullable<AdapterKind["change"]>) => write(name, { change });
	write("truncated");
	for (const copy of ["mislabelled", "pickled", "no-json", "not-lora"]) cpSync(at("truncated"), at(copy), { recursive: true });
	truncateSync(join(at("truncated"), WEIGHTS), 10_000);
	writeFileSync(join(at("mislabelled"), WEIGHTS), "PK\x03\x04 a pickle in a zip, called something else");
	rmSync(join(at("pickled"), WEIGHTS));
	writeFileSync(join(at("pickled"), "adapter_model.bin"), "PK\x03\x04");
	writeFileSync(join(at("no-json"), CONFIG), "{");
	writeFileSync(join(at("not-lora"), CONFIG), JSON.stringify({ peft_type: "IA3", r: 4, lora_alpha: 8 }));
	changed("other-base", (options) => ({ ...options, base: { ...options.base, fingerprint: `sha256:${"b".repeat(64)}` } }));
	changed("wrong-canary", (options) => ({
		...options,
		canaries: [{ text: "red hat", embedding: Array.from({ length: 384 }, () => 0.05) }],
	}));
	changed("other-size", ({ modules: [first, ...rest], ...options }) => ({
		...options,
		modules: [{ ...first!, inFeatures: 8, a: first!.a.slice(0, 8 * first!.r) }, ...rest],
	}));
	changed("other-layer", ({ modules: [first, ...rest], ...options }) => ({
		...options,
		modules: [{ ...first!, path: "encoder.layer.6.attention.self.query" }, ...rest],
	}));
	write("high-rank", { r: 32 });
	mkdirSync(join(root, "..", "outside"), { recursive: true });
	symlinkSync(join(root, "..", "outside"), at("link"));
}

/** Publishes a test adapter as a job does. */
export function publishTestAdapter({ store }: Pick<EmbedTestService, "store">, name: string, base: BaseModel, kind: AdapterKind): void {
	const staged = store.stage(name);
	writeTestAdapter(staged, base, kind);
	void store.publishAdapter(name, staged);
}
