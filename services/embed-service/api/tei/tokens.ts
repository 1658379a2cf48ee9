/** Texts to tokens and back. */
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { EmbedApplication } from "../../application/index.js";

const tokenSchema = z
	.object({ id: z.int(), text: z.string(), special: z.boolean(), start: z.int().nullable(), stop: z.int().nullable() })
	.meta({ id: "Token" });

const ids = z.array(z.int().min(0)).max(65536);

export function tokenizeRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/tokenize",
		operationId: "tokenize",
		summary: "Tokens of texts",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		body: z.object({
			inputs: z.union([z.string(), z.array(z.string())]),
			add_special_tokens: z.boolean().default(true),
			prompt_name: z.string().nullish(),
		}),
		response: { status: 200, description: "Tokens of each text", schema: z.array(z.array(tokenSchema)) },
		errors: ["EMPTY_INPUT", "TOKENIZATION_FAILED"],
	}).handle(({ body }) => {
		const inputs = typeof body.inputs === "string" ? [body.inputs] : body.inputs;
		const texts = app.tokenize(inputs, body.add_special_tokens, body.prompt_name ?? undefined);
		return { body: texts.map((pieces) => pieces.map((piece) => ({ ...piece, start: piece.start ?? null, stop: piece.stop ?? null }))) };
	});
}

export function decodeRoute(app: EmbedApplication): Route {
	return route({
		method: "post",
		path: "/decode",
		operationId: "decode",
		summary: "Texts of token ids",
		tag: "embed",
		scope: "embed",
		errorShape: "tei",
		body: z.object({ ids: z.union([ids.min(1), z.array(ids)]), skip_special_tokens: z.boolean().default(true) }),
		response: { status: 200, description: "One text a list of ids", schema: z.array(z.string()) },
		errors: ["EMPTY_INPUT"],
	}).handle(({ body }) => {
		const texts = typeof body.ids[0] === "number" ? [body.ids as number[]] : (body.ids as number[][]);
		return { body: app.decode(texts, body.skip_special_tokens) };
	});
}
