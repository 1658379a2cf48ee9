// OpenAI's client against /v1/embeddings: the base model and every adapter are models.
import OpenAI from "openai";
import { adapter, cosine, embedUrl, printRanked, QUERY, TEXTS } from "./settings.mjs";

const openai = new OpenAI({ baseURL: `${embedUrl}/v1`, apiKey: process.env.DAK_API_KEY ?? "none" });

const models = (await openai.models.list()).data.map(({ id }) => id);
console.log(`models: ${models.join(", ")}`);

for (const model of adapter ? [models[0], adapter] : [models[0]]) {
	const { data, usage } = await openai.embeddings.create({ model, input: [QUERY, ...TEXTS] });
	const [query, ...texts] = data.map(({ embedding }) => embedding);
	printRanked(
		`${model}, ${usage.total_tokens} tokens`,
		texts.map((vector) => cosine(query, vector)),
	);
}
