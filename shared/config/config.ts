import { join, resolve } from "node:path";
import { DakError, invalidField, parseOrThrow } from "../errors/index.js";
import { configSchema, type Environment } from "./schema.js";
import { masked } from "./table.js";

/** The environment, validated, with folder defaults resolved to absolute paths. */
export interface Config extends Environment {
	readonly dataDir: string;
	readonly dataRoot: string;
	readonly modelsDir: string;
	readonly artifactsDir: string;
}

/** Reads and validates the configuration. @throws INVALID_REQUEST naming each bad variable. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
	const known = Object.fromEntries(Object.keys(configSchema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
	const parsed = parseOrThrow(configSchema, known, "INVALID_REQUEST", masked(known));
	for (const [name, unavailable] of [
		["DAK_REDIS_URL", parsed.DAK_REDIS_URL !== undefined],
		["DAK_ARTIFACTS", parsed.DAK_ARTIFACTS?.includes("://")],
	] as const) {
		if (unavailable) throw new DakError("NOT_IMPLEMENTED", `${name}: this value is part of the contract but not implemented yet`);
	}
	checkTls(parsed);
	const dataDir = resolve(parsed.DAK_DATA_DIR);
	return {
		...parsed,
		dataDir,
		dataRoot: resolve(parsed.DAK_DATA_ROOT ?? join(dataDir, "data")),
		modelsDir: resolve(parsed.DAK_MODELS_DIR ?? join(dataDir, "models")),
		artifactsDir: resolve(parsed.DAK_ARTIFACTS ?? join(dataDir, "artifacts")),
	};
}

/** Half of a TLS configuration must not end as plain text. @throws INVALID_REQUEST naming what is missing */
function checkTls({ DAK_TLS_CERT, DAK_TLS_KEY, DAK_TLS_CLIENT_CA }: Environment): void {
	const given = DAK_TLS_CERT ?? DAK_TLS_KEY ?? DAK_TLS_CLIENT_CA;
	for (const [name, value] of Object.entries({ DAK_TLS_CERT, DAK_TLS_KEY }))
		if (given !== undefined && value === undefined)
			throw invalidField(`/${name}`, "found nothing; DAK_TLS_CERT and DAK_TLS_KEY go together");
}
