import type { Route } from "@dak/shared/server";
import type { EmbedApplication } from "../application/index.js";
import { adapterRoutes } from "./adapters.js";
import { kserveRoutes } from "./kserve.js";
import { openaiRoutes } from "./openai.js";
import { teiRoutes } from "./tei/index.js";

export { addEmbedServices, GRPC_SERVICES } from "./grpc.js";

/** Every REST route of the service. */
export const restRoutes = (app: EmbedApplication): Route[] => [
	...teiRoutes(app),
	...openaiRoutes(app),
	...kserveRoutes(app),
	...adapterRoutes(app),
];
