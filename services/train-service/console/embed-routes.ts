/**
 * The few questions that the console asks embed-service. Each needs the scope `embed` here too: where keys are asked for by
 * this service alone, it must not become a door to the other.
 */
import { type Route, route } from "@dak/shared/server";
import type { Response } from "express";
import { z } from "zod";
import type { EmbedAnswer, EmbedService } from "./embed-service.js";

const similarityBody = z.strictObject({
	source: z.string(),
	sentences: z.array(z.string()).min(1),
	adapter: z.string().optional().describe("Undefined: the base"),
});

export function embedRoutes(embed: EmbedService): Route[] {
	return [
		reading(embed, "/console/api/adapters", "/v1/adapters", "consoleAdapters"),
		reading(embed, "/console/api/info", "/info", "consoleInfo"),
		route({
			method: "post",
			path: "/console/api/similarity",
			operationId: "consoleSimilarity",
			summary: "Cosine of one text and others, under one adapter",
			hidden: true,
			scope: "embed",
			body: similarityBody,
			response: { status: 200, description: "What embed-service says", contentType: "application/json" },
		}).handle(async ({ body: { source, sentences, adapter }, req, res, signal }) => {
			const question = { inputs: { source_sentence: source, sentences }, truncate: true, ...(adapter === undefined ? {} : { adapter }) };
			passOn(await embed.ask("/similarity", req, signal, question), res);
		}),
	];
}

function reading(embed: EmbedService, path: string, theirs: string, operationId: string): Route {
	return route({
		method: "get",
		path,
		operationId,
		summary: `embed-service's ${theirs}`,
		hidden: true,
		scope: "embed",
		response: { status: 200, description: "What embed-service says", contentType: "application/json" },
	}).handle(async ({ req, res, signal }) => passOn(await embed.ask(theirs, req, signal), res));
}

function passOn({ status, headers, text }: EmbedAnswer, res: Response): void {
	res.status(status).set(headers).end(text);
}
