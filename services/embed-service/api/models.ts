/** The base and its adapters as models, which is what OpenAI's and KServe's clients ask for. */
import { DakError } from "@dak/shared/errors";
import { z } from "zod";
import type { EmbedApplication } from "../application/index.js";

export const modelSchema = z
	.object({
		id: z.string(),
		object: z.literal("model"),
		created: z.int(),
		owned_by: z.string(),
		root: z.string().describe("The base's folder, or the adapter's below the artifact root"),
		parent: z.string().nullable().describe("The base of an adapter"),
		generation: z.int().nullable(),
	})
	.meta({ id: "Model" });

/** Whether a model's name means the base. */
export function namesBase(app: EmbedApplication, model: string): boolean {
	const { modelId, servedModelName } = app.info();
	return [modelId, modelId.split("/").at(-1), servedModelName].includes(model);
}

/** @throws ADAPTER_NOT_FOUND */
export function modelNamed(app: EmbedApplication, name: string): z.output<typeof modelSchema> {
	const [base, ...adapters] = modelsOf(app);
	const found = namesBase(app, name) ? base : adapters.find(({ id }) => id === name);
	if (!found) throw noSuchModel(app, name);
	return found;
}

/** The base first, then its adapters. */
export function modelsOf(app: EmbedApplication): z.output<typeof modelSchema>[] {
	const { modelId, servedModelName } = app.info();
	const model = { object: "model", created: 0, owned_by: "domain-adapter-kit" } as const;
	const adapters = app.registry
		.list()
		.map(({ name, generation, source }) => ({ ...model, id: name, root: source, parent: servedModelName, generation }));
	return [{ ...model, id: servedModelName, root: modelId, parent: null, generation: null }, ...adapters];
}

/** Nobody answers to a model's name. */
export const noSuchModel = (app: EmbedApplication, model: string): DakError =>
	new DakError(
		"ADAPTER_NOT_FOUND",
		`model ${JSON.stringify(model.slice(0, 128))} does not exist; allowed: ${app.info().modelId}, or an adapter of GET /v1/models`,
	);
