/**
 * Routes of Text Embeddings Inference that a dense embedding model does not have. Its router refuses them for such a model with
 * 424 and `Backend`, and so do we.
 */
import { DakError } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";

const REFUSED = [
	["/embed_sparse", "embedSparse", "the model is no SPLADE model, it has no sparse vectors; POST /embed gives dense ones"],
	["/embed_all", "embedAll", "tokens' own vectors are not served; POST /embed gives those of texts"],
	["/predict", "predict", "the model is no classifier; POST /embed gives its vectors"],
	["/vertex", "vertex", "Vertex AI's wrapping is not served; POST /embed takes the instances' inputs"],
] as const;

/** Why each cannot be, by route; gRPC says the same. */
export const WHY = Object.fromEntries(REFUSED.map(([, id, why]) => [id, why])) as Record<(typeof REFUSED)[number][1], string>;

export const refusedRoutes = (): Route[] =>
	REFUSED.map(([path, operationId, why]) =>
		route({
			method: "post",
			path,
			operationId,
			summary: `Refused: ${why}`,
			tag: "refused",
			scope: "embed",
			errorShape: "tei",
			response: { status: 424, description: why },
		}).handle(() => {
			throw new DakError("NOT_IMPLEMENTED", why);
		}),
	);
