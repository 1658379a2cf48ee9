/** Vectors and what follows from them: /embed and its other names, /similarity, /rerank. */
import { invalidField } from "@dak/shared/errors";
import { type Route, type RouteRequest, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication } from "../../application/index.js";
import { ANSWER_HEADERS, answerHeaders, charactersOf } from "../answer-headers.js";
import { vectorsJson } from "../json.js";
import {
	ADAPTER_HEADERS,
	adapterQuery,
	adapterSchema,
	adaptersOf,
	direction,
	inputsSchema,
	textOptions,
	textSettings,
	toList,
} from "./fields.js";

const ERRORS = ["EMPTY_INPUT", "TOKENIZATION_FAILED", "ADAPTER_NOT_FOUND", "GENERATION_MISMATCH", "OVERLOADED"] as const;

const embedBody = z.object({
	inputs: inputsSchema,
	...textOptions,
	normalize: z.boolean().default(true),
	dimensions: z.int().min(1).nullish().describe("Keep the first so many, then scale to length 1"),
	adapter: adapterSchema,
});

const similarityInputs = z.object({ source_sentence: z.string(), sentences: z.array(z.string()) });

const similarityBody = z.object({
	inputs: similarityInputs,
	parameters: z.object(textOptions).nullish(),
	...textOptions,
	adapter: z.string().optional(),
});

const rerankBody = z.object({
	query: z.string(),
	texts: z.array(z.string()),
	truncate: textOptions.truncate,
	truncation_direction: direction,
	raw_scores: z.boolean().default(false).describe("The cosine itself, from -1 to 1; else (1 + cosine) / 2, from 0 to 1"),
	return_text: z.boolean().default(false),
	adapter: z.string().optional(),
});

const rankSchema = z.object({ index: z.int(), text: z.string().optional(), score: z.number() }).meta({ id: "Rank" });

/** `path` takes what /embed takes. */
export function embedRoute(app: EmbedApplication, path: string, operationId: string, summary = "Vectors of texts"): Route {
	return route({
		method: "post",
		path,
		operationId,
		summary,
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		query: adapterQuery,
		headers: ADAPTER_HEADERS,
		body: embedBody,
		response: { status: 200, description: "One vector an input", schema: z.array(z.array(z.number())), headers: ANSWER_HEADERS },
		errors: ERRORS,
	}).handle((request) => answerEmbed(app, request, request.body));
}

type Asked<Body> = Pick<RouteRequest<undefined, z.output<typeof adapterQuery>, Body>, "query" | "req" | "res" | "signal" | "user">;

async function answerEmbed(app: EmbedApplication, asked: Asked<unknown>, body: z.output<typeof embedBody>): Promise<void> {
	const inputs = toList(body.inputs);
	const result = await app.embed({
		...textSettings(body),
		inputs,
		adapters: adaptersOf({ ...asked, body }),
		normalize: body.normalize,
		dimensions: body.dimensions ?? undefined,
		client: asked.user,
		signal: asked.signal,
	});
	const headers = answerHeaders({ ...result, characters: charactersOf(inputs) }, app.info().device);
	asked.res.set({ ...headers, "content-type": "application/json" }).end(vectorsJson(result.vectors));
}

async function answerSimilarity(app: EmbedApplication, asked: Asked<unknown>, body: z.output<typeof similarityBody>) {
	const { source_sentence, sentences } = body.inputs;
	const settings = {
		...textSettings(body.parameters ?? body),
		adapters: adaptersOf({ ...asked, body }),
		client: asked.user,
		signal: asked.signal,
	};
	const { similarities, adapter, ...rest } = await app.similarity(source_sentence, sentences, settings);
	const answered = { ...rest, adapters: [adapter], characters: charactersOf([source_sentence, ...sentences]) };
	return { body: [...similarities], headers: answerHeaders(answered, app.info().device) };
}

const rootBody = embedBody.extend({
	inputs: z.union([...inputsSchema.options, similarityInputs]),
	adapter: adapterSchema,
	parameters: similarityBody.shape.parameters,
});

/** huggingface_hub posts to the address that it is given, whatever it wants to know. */
export function rootRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/",
		operationId: "embedAtRoot",
		summary: "As /embed or /similarity, by the inputs",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		query: adapterQuery,
		headers: ADAPTER_HEADERS,
		body: rootBody,
		response: {
			status: 200,
			description: "One vector an input, or one number a sentence",
			schema: z.union([z.array(z.array(z.number())), z.array(z.number())]),
			headers: ANSWER_HEADERS,
		},
		errors: ERRORS,
	}).handle((request) => {
		const { inputs, adapter, ...body } = request.body;
		if (typeof inputs === "string" || Array.isArray(inputs)) return answerEmbed(app, request, { ...body, inputs, adapter });
		if (Array.isArray(adapter)) throw invalidField("/adapter", `found ${adapter.length} names, allowed: one for all sentences`);
		return answerSimilarity(app, request, { ...body, inputs, adapter });
	});
}

export function similarityRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/similarity",
		operationId: "similarity",
		summary: "Cosine of one sentence and others",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		query: adapterQuery,
		headers: ADAPTER_HEADERS,
		body: similarityBody,
		response: { status: 200, description: "One number a sentence", schema: z.array(z.number()), headers: ANSWER_HEADERS },
		errors: ERRORS,
	}).handle((request) => answerSimilarity(app, request, request.body));
}

export function rerankRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/rerank",
		operationId: "rerank",
		summary: "Texts by their likeness to a query, best first",
		description: "A bi-encoder's ranking: by the cosine of the vectors that /embed gives, not by a cross-encoder.",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		query: adapterQuery,
		headers: ADAPTER_HEADERS,
		body: rerankBody,
		response: {
			status: 200,
			description: "One rank a text",
			schema: z.array(rankSchema),
			headers: { ...ANSWER_HEADERS, "x-dak-scores": "bi-encoder-cosine" },
		},
		errors: ERRORS,
	}).handle(async (request) => {
		const { query, texts, raw_scores, return_text } = request.body;
		const settings = { ...textSettings(request.body), adapters: adaptersOf(request), client: request.user, signal: request.signal };
		const { ranks, adapter, ...rest } = await app.rerank(query, texts, settings);
		const answered = { ...rest, adapters: [adapter], characters: charactersOf([query, ...texts]) };
		return {
			body: ranks.map(({ index, score }) => ({
				index,
				...(return_text && { text: texts[index]! }),
				score: raw_scores ? score : scoreOf(score),
			})),
			headers: { ...answerHeaders(answered, app.info().device), "x-dak-scores": "bi-encoder-cosine" },
		};
	});
}

/** A cosine on the scale of a reranker's probability. */
export const scoreOf = (cosine: number): number => (1 + cosine) / 2;
