/** train-service's jobs. */
import { randomUUID } from "node:crypto";
import { DakApiError } from "./api-error.js";
import { isTerminal, stateName } from "./events.js";
import type { GrpcClients } from "./grpc.js";
import type { RestCaller } from "./http.js";
import type { CallSettings, Settings } from "./options.js";
import type { ArtifactFile, EstimateJson, JobEventJson, JobJson, JobPage, JobSpecJson, JobStateName } from "./types.js";
import { type WatchOptions, watchEvents } from "./watch.js";

export interface CreateOptions extends CallSettings {
	/** A second call with the same key returns the first call's job; default: a new one, so that retries submit once. */
	readonly idempotencyKey?: string | undefined;
}

export interface ListOptions extends CallSettings {
	readonly state?: JobStateName | undefined;
	/** 1 to 200. */
	readonly pageSize?: number | undefined;
}

const pathOf = (id: string, rest = ""): string => `/v1/jobs/${encodeURIComponent(id)}${rest}`;

export class Jobs {
	constructor(
		private readonly rest: RestCaller,
		private readonly grpc: GrpcClients,
		private readonly settings: Settings,
	) {}

	/** Submits a job. @throws DakApiError INVALID_REQUEST, MODEL_NOT_FOUND, OVERLOADED … */
	create(spec: JobSpecJson, { idempotencyKey = randomUUID(), signal }: CreateOptions = {}): Promise<JobJson> {
		const headers = { "idempotency-key": idempotencyKey };
		return this.rest.json("/v1/jobs", { method: "POST", json: spec, headers, idempotent: true, signal });
	}

	/** Memory and time of a job before it runs. */
	estimate(spec: JobSpecJson, { signal }: CallSettings = {}): Promise<EstimateJson> {
		return this.rest.json("/v1/jobs:estimate", { method: "POST", json: spec, idempotent: true, signal });
	}

	/** @throws DakApiError JOB_NOT_FOUND */
	get(id: string, { signal }: CallSettings = {}): Promise<JobJson> {
		return this.rest.json(pathOf(id), { signal });
	}

	/** One page, newest first. */
	page({ state, pageSize, pageToken, signal }: ListOptions & { readonly pageToken?: string | undefined } = {}): Promise<JobPage> {
		return this.rest.json("/v1/jobs", { query: { state, page_size: pageSize, page_token: pageToken }, signal });
	}

	/** All jobs, newest first, page by page as they are asked for. */
	async *list(options: ListOptions = {}): AsyncGenerator<JobJson> {
		let pageToken: string | undefined;
		do {
			const page: JobPage = await this.page({ ...options, pageToken });
			yield* page.jobs;
			pageToken = page.next_page_token;
		} while (pageToken);
	}

	/** Takes a waiting job out of the queue, or tells a running one to stop. @throws DakApiError STATE_CONFLICT if it has ended */
	cancel(id: string, { signal }: CallSettings = {}): Promise<JobJson> {
		return this.rest.json(pathOf(id, ":cancel"), { method: "POST", signal });
	}

	/** Takes a job off the machine until it is resumed; its last checkpoint stays. */
	pause(id: string, { signal }: CallSettings = {}): Promise<JobJson> {
		return this.rest.json(pathOf(id, ":pause"), { method: "POST", signal });
	}

	/** Goes on from the last checkpoint. */
	resume(id: string, { signal }: CallSettings = {}): Promise<JobJson> {
		return this.rest.json(pathOf(id, ":resume"), { method: "POST", signal });
	}

	/** The job's events until it ends, through lost connections and restarts of the service; see `WatchOptions`. */
	watch(id: string, options: WatchOptions = {}): AsyncGenerator<JobEventJson> {
		return watchEvents(
			{
				settings: this.settings,
				open: (fromSequence, signal) =>
					this.grpc.train.watchJob({ id, fromSequence: BigInt(fromSequence) }, signal === undefined ? {} : { signal }),
				state: async () => stateName((await this.grpc.train.getJob({ id }, options.signal && { signal: options.signal })).state),
			},
			options,
		);
	}

	/** The job once it has ended; whether it succeeded is in its state. */
	async wait(id: string, options: Omit<WatchOptions, "fromSequence"> = {}): Promise<JobJson> {
		const job = await this.get(id, options);
		if (isTerminal(job.state)) return job;
		for await (const _ of this.watch(id, options));
		return this.get(id, options);
	}

	/** What was measured on base and adapter. @throws DakApiError ARTIFACT_NOT_FOUND until the job has been evaluated */
	report(id: string, { signal }: CallSettings = {}): Promise<Record<string, unknown>> {
		return this.rest.json(pathOf(id, "/report"), { headers: { accept: "application/json" }, signal });
	}

	/** The report as a page. @throws DakApiError NOT_IMPLEMENTED where the service has it as JSON only */
	reportHtml(id: string, { signal }: CallSettings = {}): Promise<string> {
		return this.rest.call(pathOf(id, "/report"), { headers: { accept: "text/html" }, signal }, (response) => {
			if (response.headers.get("content-type")?.startsWith("text/html")) return response.text();
			void response.body?.cancel();
			throw new DakApiError({
				reason: "NOT_IMPLEMENTED",
				status: 501,
				type: "/problems/not-implemented",
				title: "Not implemented",
				detail: "this train-service gives its reports as JSON only",
				errors: [],
				details: {},
			});
		});
	}

	/** Files of the published adapter. */
	async artifacts(id: string, { signal }: CallSettings = {}): Promise<readonly ArtifactFile[]> {
		return (await this.rest.json<{ files: ArtifactFile[] }>(pathOf(id, "/artifacts"), { signal })).files;
	}

	/** One of them, whole. */
	artifact(id: string, path: string, { signal }: CallSettings = {}): Promise<Uint8Array> {
		const encoded = path.split("/").map(encodeURIComponent).join("/");
		return this.rest.call(
			pathOf(id, `/artifacts/${encoded}`),
			{ signal },
			async (response) => new Uint8Array(await response.arrayBuffer()),
		);
	}
}
