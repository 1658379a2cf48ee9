/** Runs embed-service until a signal ends it. */
import { loadConfig } from "@dak/shared/config";
import { createLogger } from "@dak/shared/observability";
import { runMain } from "@dak/shared/server";
import { startEmbedService } from "./service/index.js";

const config = loadConfig();
await runMain("embed-service", createLogger("embed-service", config.DAK_LOG_LEVEL), (logger) => startEmbedService(config, { logger }));
