// LangChain.js: OpenAIEmbeddings over embed-service, in any chain or vector store that takes embeddings.
import { OpenAIEmbeddings } from "@langchain/openai";
import { adapter, cosine, embedUrl, printRanked, QUERY, TEXTS } from "./settings.mjs";

const { model_id } = await (await fetch(`${embedUrl}/info`)).json();

for (const model of adapter ? [model_id, adapter] : [model_id]) {
	const embeddings = new OpenAIEmbeddings({
		model,
		apiKey: process.env.DAK_API_KEY ?? "none",
		configuration: { baseURL: `${embedUrl}/v1` },
	});
	const [query, texts] = [await embeddings.embedQuery(QUERY), await embeddings.embedDocuments(TEXTS)];
	printRanked(
		model,
		texts.map((vector) => cosine(query, vector)),
	);
}
