/** README.md of a written model: how it is loaded, what it was made of, what was measured, what it cannot promise. */
import type { OutputDrift } from "./drift.js";

export interface CardFacts {
	readonly name: string;
	readonly baseModel: string;
	/** As the manifest has it. */
	readonly verdict: string;
	readonly settings: Readonly<Record<string, unknown>>;
	readonly metrics: Readonly<Record<string, unknown>>;
	/** DatasetStatistics, as far as they are known. */
	readonly data: Readonly<Record<string, unknown>> | undefined;
	readonly quantization: string;
}

const json = (value: unknown): string => ["```json", JSON.stringify(value, null, 2), "```"].join("\n");

/** One line for front matter and headings: a name cannot open another line. */
const inline = (text: string): string => JSON.stringify(text);

const LOADING = {
	merged: (name: string) => `\`\`\`python
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("this folder")  # ${name}
\`\`\``,
	onnx: () => `\`\`\`js
import { pipeline } from "@huggingface/transformers";
const embed = await pipeline("feature-extraction", "this folder", { dtype: "fp32" }); // "q8": model_quantized.onnx
const vectors = await embed(["a text"], { pooling: "POOLING", normalize: true });
\`\`\`

\`\`\`python
from sentence_transformers import SentenceTransformer
model = SentenceTransformer("this folder", backend="onnx")
\`\`\``,
};

/** What is known of the texts; without the texts themselves. */
export function dataSection(data: CardFacts["data"]): string {
	if (!data) return "Nothing is recorded about the texts.";
	const { sample: _, tokens, ...rest } = data;
	const { histogram: _buckets, ...lengths } = (tokens ?? {}) as Record<string, unknown>;
	return json({ ...rest, tokens: tokens ? lengths : null });
}

const VERDICTS: Readonly<Record<string, string>> = {
	unverified: "trained without labels; whether it ranks better than the base has not been measured",
	improved: "on the labelled queries it was given it ranks above the base; the interval of the gain lies above zero",
	no_change: "on the labelled queries it was given it cannot be told from the base",
	regressed: "on the labelled queries it was given it ranks below the base",
};

const driftLine = ([file, { bytes, mean_cosine, min_cosine }]: [string, OutputDrift]): string =>
	`| ${file} | ${bytes} | ${mean_cosine.toFixed(6)} | ${min_cosine.toFixed(6)} |`;

/** @param drifts by file */
export function outputCard(
	kind: "merged" | "onnx",
	facts: CardFacts,
	drifts: Readonly<Record<string, OutputDrift>>,
	pooling: string,
): string {
	const { name, baseModel, verdict, quantization, data, metrics, settings } = facts;
	const texts = Object.values(drifts)[0]?.texts ?? 0;
	return `---
base_model: ${inline(baseModel)}
library_name: ${kind === "onnx" ? "transformers.js" : "sentence-transformers"}
pipeline_tag: ${kind === "onnx" ? "feature-extraction" : "sentence-similarity"}
tags: [sentence-transformers, feature-extraction, tsdae${kind === "onnx" ? ", onnx" : ""}]
---

# ${name}

${baseModel.replaceAll(/\s/g, " ")}, adapted to raw text, with the adapter merged into its weights: ${VERDICTS[verdict] ?? verdict}.

${kind === "merged" ? LOADING.merged(name) : LOADING.onnx().replace("POOLING", pooling === "lasttoken" ? "last_token" : pooling)}

## How near it is to base + adapter

Cosine between this folder's vectors and those of serving the adapter over the 4-bit base, on ${texts} of the training texts:

| file | bytes | mean | least |
|---|---|---|---|
${Object.entries(drifts).map(driftLine).join("\n")}

## Data

${dataSection(data)}

## Measured

${json(metrics)}

## Settings

${json(settings)}

## Limits

- Weights were merged into the base as the adapter was trained on it (quantization: ${quantization}); they are not the original base's.
- Texts are cut at the base's limit; longer ones should be split before.
- What was measured holds for the texts and labels above, and says nothing of other domains or languages.
- What the base has learnt of bias and error, this model has too.
- The base's licence holds for this model as well.
`;
}
