/** The one configuration: every environment variable, its type, default and meaning. The README's table is made from it. */
import { availableParallelism } from "node:os";
import { z } from "zod";

const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback);
const positive = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const MIB = 1024 * 1024;

export const configSchema = z.object({
	DAK_DATA_DIR: z.string().min(1).default("./.dak").describe("State: jobs, datasets, checkpoints, adapters"),
	DAK_DATA_ROOT: z.string().min(1).optional().describe("Folder that a job's `dataset.path` is relative to; default DAK_DATA_DIR/data"),
	DAK_MODELS_DIR: z.string().min(1).optional().describe("Local base models by folder name; default DAK_DATA_DIR/models"),
	DAK_BASE_MODEL: z
		.string()
		.min(1)
		.default("all-MiniLM-L6-v2")
		.describe("Base model that embed-service serves: hub id, folder name or path"),
	DAK_HOST: z.string().min(1).default("127.0.0.1").describe("Address that all ports listen on"),
	DAK_TRAIN_PORT: port(8080).describe("train-service REST port; 0 takes a free one"),
	DAK_TRAIN_GRPC_PORT: port(50051).describe("train-service gRPC port"),
	DAK_EMBED_PORT: port(8081).describe("embed-service REST port"),
	DAK_EMBED_GRPC_PORT: port(50052).describe("embed-service gRPC port"),
	DAK_EMBED_URL: z
		.url({ protocol: /^https?$/ })
		.optional()
		.describe("Where train-service's web console finds embed-service; default: DAK_EMBED_PORT on this machine"),
	DAK_SERVED_MODEL_NAME: z.string().min(1).optional().describe("What OpenAI's clients call the base model; default DAK_BASE_MODEL"),
	DAK_DEFAULT_PROMPT_NAME: z
		.string()
		.min(1)
		.optional()
		.describe("Which of the base model's prompts is put before texts of requests that name none; default: the model's own choice"),
	DAK_AUTO_TRUNCATE: z
		.stringbool()
		.default(false)
		.describe("Cut texts that are longer than the model takes where a request does not say; else they are refused"),
	DAK_DEVICE: z.enum(["auto", "cuda", "webgpu", "cpu"]).default("auto").describe("Execution provider"),
	DAK_COMPUTE: z
		.enum(["int8", "precise", "fp32"])
		.default("fp32")
		.describe(
			"Products of embed-service: int8 is the fastest, precise nearly exact, fp32 exact over the 4-bit base; docs/benchmarks.md has each one's drift",
		),
	DAK_THREADS: z.coerce
		.number()
		.int()
		.min(1)
		.max(256)
		.default(availableParallelism())
		.describe("Threads of a training step or of a batch; default: all processors"),
	DAK_TRAIN_MEMORY: z.coerce
		.number()
		.int()
		.min(64)
		.optional()
		.describe("Memory that training jobs may take together by their estimates, MiB; default: the container's or machine's, less a tenth"),
	DAK_TRAIN_MAX_JOBS: z.coerce
		.number()
		.int()
		.min(0)
		.default(1)
		.describe(
			"Jobs that train at the same time. A step uses every thread: two jobs on the same cores are each half as fast, and hold their memory twice as long. 0, with DAK_REDIS_URL: this process only answers",
		),
	DAK_REDIS_URL: z
		.url({ protocol: /^rediss?$/ })
		.optional()
		.meta({ secret: true })
		.describe("Jobs in this Redis, for any number of train-services on any number of machines; unset: in a file of this one's"),
	DAK_NODE_TIMEOUT: positive(30).describe("With DAK_REDIS_URL: seconds without a sign of life after which a node's jobs go on elsewhere"),
	DAK_ARTIFACTS: z
		.string()
		.min(1)
		.optional()
		.describe("Artifact store: a folder, default DAK_DATA_DIR/artifacts, or s3://bucket/prefix (with the usual AWS_ variables)"),
	DAK_API_KEYS: z
		.string()
		.optional()
		.meta({ secret: true })
		.describe(
			"`scope[+scope]:key`, comma-separated; scopes read, submit, embed, admin (docs/how-to/tls-and-keys.md). Unset: no keys asked for",
		),
	DAK_OPEN: z
		.string()
		.default("health,metrics,docs")
		.transform((text) => text.split(",").map((part) => part.trim()))
		.pipe(z.array(z.enum(["health", "metrics", "docs", "none"])))
		.describe(
			"What needs no key where keys are asked for: any of health, metrics, docs (gRPC reflection among them), or none; the rest needs the scope read",
		),
	DAK_TLS_CERT: z
		.string()
		.min(1)
		.optional()
		.describe("PEM file of the certificate of all ports; read again when it changes. Unset: no TLS"),
	DAK_TLS_KEY: z.string().min(1).optional().describe("PEM file of the certificate's key"),
	DAK_TLS_CLIENT_CA: z
		.string()
		.min(1)
		.optional()
		.describe("PEM file of authorities: every client then has to show a certificate of one of them (mTLS)"),
	DAK_MAX_BODY_BYTES: positive(16 * MIB).describe("Largest JSON body or gRPC message, bytes"),
	DAK_MAX_UPLOAD_BYTES: positive(2048 * MIB).describe("Largest uploaded dataset, bytes"),
	DAK_MAX_TEXT_BYTES: positive(MIB).describe("Longest single text, bytes"),
	DAK_MAX_HEADER_BYTES: z.coerce.number().int().min(1024).default(16384).describe("Largest head of a REST request, bytes"),
	DAK_MAX_STREAMS: positive(256).describe("Most gRPC calls that one connection has open at once; a client's further ones wait"),
	DAK_MAX_CLIENT_BATCH: positive(1024).describe("Most inputs in one embed request"),
	DAK_MAX_BATCH_TOKENS: positive(1024).describe("Most tokens that embed-service runs in one batch"),
	DAK_MAX_QUEUE_TEXTS: positive(8192).describe("Texts that may wait in embed-service before it answers 429"),
	DAK_MAX_QUEUE_TOKENS: positive(524288).describe("Tokens that may wait in embed-service before it answers 429"),
	DAK_MAX_QUEUE_MS: positive(5000).describe(
		"Longest that a request may be expected to wait behind what its client already has waiting for the same adapter, ms; beyond it embed-service answers 429",
	),
	DAK_MAX_LORA_RANK: positive(256).describe("Highest LoRA rank that is trained or loaded"),
	DAK_ADAPTER_MEMORY_MB: positive(512).describe("Memory for resident adapters' factors, MiB"),
	DAK_ADAPTER_MERGED_MB: z.coerce
		.number()
		.int()
		.min(0)
		.default(256)
		.describe("Memory for the most used adapters, merged into weights of their own (int8 and precise), MiB; 0: none is merged"),
	DAK_ADAPTER_PINNED: z
		.string()
		.default("")
		.transform((names) => names.split(",").flatMap((name) => name.trim() || []))
		.describe("Adapters that stay in memory and are merged as soon as they are loaded, comma-separated"),
	DAK_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info").describe("Least level that is logged"),
	OTEL_EXPORTER_OTLP_ENDPOINT: z
		.url({ protocol: /^https?$/ })
		.optional()
		.describe("OpenTelemetry collector that traces are sent to (OTLP over HTTP). Unset: no traces"),
	HF_ENDPOINT: z.url().default("https://huggingface.co").describe("Model hub"),
	HF_TOKEN: z.string().optional().meta({ secret: true }).describe("Model hub token"),
	HF_HOME: z.string().optional().describe("Hub cache shared with Python; default ~/.cache/huggingface"),
});

export type Environment = z.output<typeof configSchema>;
