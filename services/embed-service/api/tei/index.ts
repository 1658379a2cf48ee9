/**
 * Text Embeddings Inference's routes, so that its clients work unchanged.
 * @source its router (router/src/http) and OpenAPI document, version 1.9
 */
import type { Route } from "@dak/shared/server";
import type { EmbedApplication } from "../../application/index.js";
import { embedRoute, rerankRoute, rootRoute, similarityRoute } from "./embed.js";
import { refusedRoutes } from "./refused.js";
import { healthRoute, infoRoute } from "./service.js";
import { decodeRoute, tokenizeRoute } from "./tokens.js";

export const teiRoutes = (app: EmbedApplication): Route[] => [
	embedRoute(app, "/embed", "embed"),
	rootRoute(app),
	embedRoute(app, "/invocations", "embedInvocations", "As /embed; SageMaker calls it"),
	similarityRoute(app),
	rerankRoute(app),
	tokenizeRoute(app),
	decodeRoute(app),
	infoRoute(app),
	healthRoute(app, "/health", "health"),
	healthRoute(app, "/", "healthAtRoot"),
	healthRoute(app, "/ping", "ping"),
	...refusedRoutes(),
];

export { textOptions, textSettings } from "./fields.js";
export { addTeiServices, TEI_SERVICES } from "./grpc.js";
