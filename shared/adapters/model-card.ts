import { DENSE_FOLDER } from "./dense.js";
import type { AdapterManifest } from "./types.js";

const SAID: Readonly<Record<AdapterManifest["verdict"], string>> = {
	unverified: "It was trained without labels and has not been measured on labelled queries.",
	improved: "On the labelled queries it was given it ranks above the base; the 95 % interval of the gain lies above zero.",
	no_change: "On the labelled queries it was given it cannot be told from the base.",
	regressed: "On the labelled queries it was given it ranks below the base.",
};

/** PEFT reads the factors alone: what comes behind the pooling is to be added by hand. */
const WITH_DENSE = `
from sentence_transformers.models import Dense, Normalize
for module in [Normalize(), Dense.load("this folder", subfolder="${DENSE_FOLDER}"), Normalize()]:
    model.append(module)`;

/**
 * README.md of an adapter folder, with the front matter that the hub reads.
 * @param data what is known of the training texts, as Markdown
 */
export function modelCard(manifest: AdapterManifest, data?: string): string {
	const { name, base_model: base, verdict, metrics, settings } = manifest;
	const json = (value: unknown) => ["```json", JSON.stringify(value, null, 2), "```"].join("\n");
	return `---
base_model: ${JSON.stringify(base)}
library_name: peft
pipeline_tag: feature-extraction
tags: [sentence-transformers, lora, tsdae]
---

# ${name}

A LoRA adapter for ${base}, adapted to raw text by TSDAE over a frozen 4-bit base (QLoRA). ${SAID[verdict]}

\`\`\`python
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(${JSON.stringify(base)})
model.load_adapter("this folder")${manifest.dense_hash === undefined ? "" : WITH_DENSE}
\`\`\`

${data === undefined ? "" : `## Data\n\n${data}\n\n`}## Measured

${json(metrics)}

## Settings

${json(settings)}

## Limits

- It was trained over the base with quantization ${manifest.quantization}; over weights of another precision its vectors differ${manifest.dense_hash === undefined ? " a little" : ", and its Dense module widens that"}.
- What was measured holds for the texts and labels above, and says nothing of other domains or languages.
- What the base has learnt of bias and error, the adapted model has too.
`;
}
