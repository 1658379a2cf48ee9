/** Adapters that embed-service serves. */
import type { RestCaller } from "./http.js";
import type { CallSettings } from "./options.js";
import type { AdapterJson } from "./types.js";

/** A folder below the artifact root, or a job; without one, the newest that was published under the name. */
export type AdapterSource = { readonly path: string } | { readonly job_id: string };

export class Adapters {
	constructor(private readonly rest: RestCaller) {}

	async list({ signal }: CallSettings = {}): Promise<readonly AdapterJson[]> {
		return (await this.rest.json<{ adapters: AdapterJson[] }>("/v1/adapters", { signal })).adapters;
	}

	/** Loads an adapter, or a new generation of one. @throws DakApiError ADAPTER_NOT_FOUND, ADAPTER_INCOMPATIBLE */
	load(name: string, source?: AdapterSource, { signal }: CallSettings = {}): Promise<AdapterJson> {
		return this.rest.json("/v1/adapters", { method: "POST", json: { name, ...(source && { source }) }, signal });
	}

	/** Stops serving an adapter; its files stay. @throws DakApiError ADAPTER_NOT_FOUND */
	unload(name: string, { signal }: CallSettings = {}): Promise<void> {
		return this.rest.call(`/v1/adapters/${encodeURIComponent(name)}`, { method: "DELETE", idempotent: false, signal }, () => {});
	}
}
