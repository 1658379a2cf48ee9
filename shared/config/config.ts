import { join, resolve } from "node:path";
import { invalidField, parseOrThrow } from "../errors/index.js";
import { configSchema, type Environment } from "./schema.js";
import { masked } from "./table.js";

/** The environment, validated, with folder defaults resolved to absolute paths. */
export interface Config extends Environment {
	readonly dataDir: string;
	readonly dataRoot: string;
	readonly modelsDir: string;
	readonly artifacts: ArtifactPlace;
	/** The artifact store's folder; with S3, this machine's copies. */
	readonly artifactsDir: string;
}

/** Where published adapters lie. */
export type ArtifactPlace =
	| { readonly kind: "folder"; readonly path: string }
	/** Without slashes at its ends; "" for the whole bucket. */
	| { readonly kind: "s3"; readonly bucket: string; readonly prefix: string };

/** Reads and validates the configuration. @throws INVALID_REQUEST naming each bad variable. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
	const known = Object.fromEntries(Object.keys(configSchema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
	const parsed = parseOrThrow(configSchema, known, "INVALID_REQUEST", masked(known));
	if (parsed.DAK_TRAIN_MAX_JOBS === 0 && parsed.DAK_REDIS_URL === undefined)
		throw invalidField("/DAK_TRAIN_MAX_JOBS", "found 0 without DAK_REDIS_URL: nobody would train; allowed: at least 1");
	checkTls(parsed);
	const dataDir = resolve(parsed.DAK_DATA_DIR);
	const artifacts = artifactPlace(parsed.DAK_ARTIFACTS ?? join(dataDir, "artifacts"));
	return {
		...parsed,
		dataDir,
		dataRoot: resolve(parsed.DAK_DATA_ROOT ?? join(dataDir, "data")),
		modelsDir: resolve(parsed.DAK_MODELS_DIR ?? join(dataDir, "models")),
		artifacts,
		artifactsDir: artifacts.kind === "folder" ? artifacts.path : join(dataDir, "artifacts"),
	};
}

/** Half of a TLS configuration must not end as plain text. @throws INVALID_REQUEST naming what is missing */
function checkTls({ DAK_TLS_CERT, DAK_TLS_KEY, DAK_TLS_CLIENT_CA }: Environment): void {
	const given = DAK_TLS_CERT ?? DAK_TLS_KEY ?? DAK_TLS_CLIENT_CA;
	for (const [name, value] of Object.entries({ DAK_TLS_CERT, DAK_TLS_KEY }))
		if (given !== undefined && value === undefined)
			throw invalidField(`/${name}`, "found nothing; DAK_TLS_CERT and DAK_TLS_KEY go together");
}

/** @throws INVALID_REQUEST for a URL that names no bucket of S3's */
function artifactPlace(text: string): ArtifactPlace {
	if (!text.includes("://")) return { kind: "folder", path: resolve(text) };
	const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? [];
	if (bucket === undefined)
		throw invalidField("/DAK_ARTIFACTS", `found ${JSON.stringify(text.slice(0, 200))}, allowed: a folder, or s3://bucket/prefix`);
	return { kind: "s3", bucket, prefix: prefix.split("/").filter(Boolean).join("/") };
}
