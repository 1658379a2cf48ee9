/** The fields that several of Text Embeddings Inference's routes have, and ours beside them. */
import { invalidField } from "@dak/shared/errors";
import { z } from "zod";
import type { LongTexts, TextInput, TokenizeSettings } from "../../application/index.js";

const tokenIds = z.array(z.int().min(0)).max(65536);

export const inputsSchema = z
	.union([z.string(), z.array(z.string()), tokenIds.min(1), z.array(tokenIds)])
	.describe("A text, texts, or token ids in place of texts");

export const adapterSchema = z
	.union([z.string(), z.array(z.string())])
	.optional()
	.describe("An adapter for all inputs, or one an input (empty: the base); name@generation takes that generation or fails");

/** Its own spelling is Left and Right. */
export const direction = z
	.string()
	.toLowerCase()
	.pipe(z.enum(["left", "right"]))
	.default("right");

const truncate = z.boolean().nullish().describe("Cut texts that are too long; unset: DAK_AUTO_TRUNCATE");
const longTexts = z
	.enum(["refuse", "truncate", "window"])
	.optional()
	.describe("What is done with texts that are too long, in place of truncate; window embeds them in parts");

export const textOptions = { truncate, truncation_direction: direction, prompt_name: z.string().nullish(), long_texts: longTexts };

/** One input or many, as a list. */
export function toList(inputs: z.output<typeof inputsSchema>): readonly TextInput[] {
	if (typeof inputs === "string") return [inputs];
	return typeof inputs[0] === "number" ? [inputs as number[]] : (inputs as (string | number[])[]);
}

/** For clients that cannot add a field to the body: LangChain and LlamaIndex take an address, huggingface_hub headers too. */
export const adapterQuery = z.object({ adapter: z.string().optional().describe("As the body's adapter") });

export const ADAPTER_HEADERS = { "x-dak-adapter": "As the body's adapter" } as const;

interface AdapterPlaces {
	readonly body: { readonly adapter?: string | readonly string[] | undefined };
	readonly query: z.output<typeof adapterQuery>;
	readonly req: { get(header: string): string | undefined };
}

/** The adapters that a request names in its body, its query or its headers. @throws INVALID_REQUEST where these disagree */
export function adaptersOf({ body, query, req }: AdapterPlaces): readonly string[] {
	const given = [body.adapter, query.adapter, req.get("x-dak-adapter")].filter((name) => name !== undefined).map((name) => [name].flat());
	const [first = [], ...others] = given as string[][];
	const other = others.find((names) => names.join() !== first.join());
	if (other)
		throw invalidField("/adapter", `found ${first.join(", ")} and ${other.join(", ")} in body, query and x-dak-adapter, allowed: the same`);
	return first;
}

interface TextOptions {
	readonly truncate?: boolean | null | undefined;
	readonly truncation_direction: "left" | "right";
	readonly prompt_name?: string | null | undefined;
	readonly long_texts?: LongTexts | undefined;
}

export const textSettings = ({ truncate, truncation_direction, prompt_name, long_texts }: TextOptions): TokenizeSettings => ({
	longTexts: long_texts ?? (typeof truncate === "boolean" ? (truncate ? "truncate" : "refuse") : undefined),
	truncationDirection: truncation_direction,
	promptName: prompt_name ?? undefined,
});
