/** The demo's job: the smallest request makes a good one. */
import type { DakClient, JobSpecJson } from "@dak/shared/client";
import type { DemoData } from "./data.js";

export const BASE = "all-MiniLM-L6-v2";
export const ADAPTER = "demo";

/** Steps that the own corpus gets: two to three minutes on two cores. */
const STEPS = 120;
/** Characters of its mean text; a step over longer texts takes longer. */
const MEAN_CHARACTERS = 55;
const FEWEST_STEPS = 30;
const BATCH = 32;
/** A small file is seen this often, and no more. */
const EPOCHS = 10;

/** Steps for texts of a user's own, so that the demo takes about as long as with its own. */
export function stepsFor({ texts, meanCharacters }: { readonly texts: number; readonly meanCharacters: number }): number {
	const forTime = Math.round((STEPS * MEAN_CHARACTERS) / Math.max(1, meanCharacters));
	const forSize = Math.ceil((texts * EPOCHS) / BATCH);
	return Math.min(STEPS, forSize, Math.max(FEWEST_STEPS, forTime));
}

/** What POST /v1/jobs takes. Labelled pairs, where there are some, are what the job is measured with, never trained on. */
async function jobOf(dak: DakClient, data: DemoData): Promise<Omit<JobSpecJson, "base_model">> {
	if (data.kind === "own")
		return {
			dataset: { texts: data.texts },
			training: { max_steps: STEPS },
			evaluation: { queries: data.pairs, corpus: data.catalogue },
		};
	const { id, statistics } = await dak.datasets.uploadFile(data.file);
	const { texts, characters } = statistics as { texts: number; characters: { mean: number } };
	const steps = stepsFor({ texts, meanCharacters: characters.mean });
	return { dataset: { upload: id }, training: { max_steps: steps } };
}

/** Returns the job's id. */
export async function submitJob(dak: DakClient, data: DemoData): Promise<string> {
	const job = { base_model: BASE, adapter_name: ADAPTER, publish: "always", ...(await jobOf(dak, data)) };
	return (await dak.jobs.create(job)).id;
}

/** embed-service hears of new adapters as they are published; this is far more than it needs. */
const HOT_LOAD_MS = 30_000;

/** Waits until embed-service serves the published adapter, and returns its generation. */
export async function hotLoaded(dak: DakClient): Promise<number> {
	const deadline = performance.now() + HOT_LOAD_MS;
	while (performance.now() < deadline) {
		const found = (await dak.adapters.list()).find(({ name }) => name === ADAPTER);
		if (found) return found.generation;
		await new Promise((wake) => setTimeout(wake, 100));
	}
	throw new Error(`embed-service has not loaded ${ADAPTER} after ${HOT_LOAD_MS / 1000} s; its log says why`);
}
