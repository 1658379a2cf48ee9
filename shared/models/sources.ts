import type { HubSettings } from "./hub.js";
import { hubCacheFolder } from "./hub-cache.js";

/** Where base models may come from. */
export interface ModelSources {
	/** Local base models by folder name; what is fetched is put there. */
	readonly modelsDir: string;
	/** The hub cache of this machine's Python programs; unset: not looked at. */
	readonly hubCache?: string | undefined;
	/** Unset: nothing is fetched from a hub. */
	readonly hub?: HubSettings | undefined;
}

/** The sources that a service's configuration names. */
export function modelSources(config: {
	readonly modelsDir: string;
	readonly HF_ENDPOINT: string;
	readonly HF_TOKEN?: string | undefined;
	readonly HF_HOME?: string | undefined;
}): ModelSources {
	return {
		modelsDir: config.modelsDir,
		hubCache: hubCacheFolder(config.HF_HOME),
		hub: { endpoint: config.HF_ENDPOINT, token: config.HF_TOKEN },
	};
}
