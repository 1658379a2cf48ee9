/** The web console: its files, what it has to know of this service, and its way to embed-service. */
import type { Config } from "@dak/shared/config";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import { embedRoutes } from "./embed-routes.js";
import { EmbedService, embedUrl } from "./embed-service.js";
import { fileRoutes } from "./file-routes.js";
import { builtFiles } from "./files.js";

/** Routes of the console; without its built files, those of its API alone. */
export function consoleRoutes(config: Config): Route[] {
	return [...fileRoutes(builtFiles()), settingsRoute(config), ...embedRoutes(new EmbedService(embedUrl(config)))];
}

function settingsRoute(config: Config): Route {
	return route({
		method: "get",
		path: "/console/api/settings",
		operationId: "consoleSettings",
		summary: "What the console fills its form with",
		hidden: true,
		scope: "read",
		response: { status: 200, description: "The settings", schema: z.object({ base_model: z.string() }) },
	}).handle(() => ({ body: { base_model: config.DAK_BASE_MODEL } }));
}
