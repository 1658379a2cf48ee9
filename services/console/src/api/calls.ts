/** Every question that the console asks. */
import { json, send } from "./http.js";
import type { AdapterJson, Dataset, Estimate, Info, JobJson, JobPage, Report, Similarities } from "./types.js";

const job = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`;

export const listJobs = (signal?: AbortSignal) => json<JobPage>("/v1/jobs?page_size=100", { signal });
export const getJob = (id: string, signal?: AbortSignal) => json<JobJson>(job(id), { signal });
export const createJob = (spec: unknown) => json<JobJson>("/v1/jobs", { body: spec });
export const cancelJob = (id: string) => json<JobJson>(`${job(id)}:cancel`, { method: "POST" });
export const pauseJob = (id: string) => json<JobJson>(`${job(id)}:pause`, { method: "POST" });
export const resumeJob = (id: string) => json<JobJson>(`${job(id)}:resume`, { method: "POST" });
export const getReport = (id: string, signal?: AbortSignal) => json<Report>(`${job(id)}/report`, { signal });
export const estimateJob = (spec: unknown, signal?: AbortSignal) => json<Estimate>("/v1/jobs:estimate", { body: spec, signal });

export interface ReadingOptions {
	readonly baseModel: string;
	readonly maxLength: number;
	readonly textColumn: string;
	readonly textTemplate: string;
}

/** Sends a file and has it read and counted. */
export function upload(file: File, { baseModel, maxLength, textColumn, textTemplate }: ReadingOptions, signal: AbortSignal) {
	const query = new URLSearchParams({ filename: file.name, max_length: String(maxLength) });
	for (const [name, value] of Object.entries({ base_model: baseModel, text_column: textColumn, text_template: textTemplate }))
		if (value !== "") query.set(name, value);
	return json<Dataset>(`/v1/datasets?${query}`, { body: file, signal });
}

export const consoleSettings = (signal?: AbortSignal) => json<{ base_model: string }>("/console/api/settings", { signal });
export const servedBase = (signal?: AbortSignal) => json<Info>("/console/api/info", { signal });
export const listAdapters = async (signal?: AbortSignal) =>
	(await json<{ adapters: readonly AdapterJson[] }>("/console/api/adapters", { signal })).adapters;

/** Cosine of one text and others; an empty adapter is the base. */
export async function similarity(source: string, sentences: readonly string[], adapter: string): Promise<Similarities> {
	const answer = await send("/console/api/similarity", { body: { source, sentences, ...(adapter === "" ? {} : { adapter }) } });
	return { adapter: answer.headers.get("x-dak-adapter") ?? (adapter || "base"), values: (await answer.json()) as number[] };
}
