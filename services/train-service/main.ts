/** Runs train-service until a signal ends it. */
import { loadConfig } from "@dak/shared/config";
import { createLogger } from "@dak/shared/observability";
import { runMain } from "@dak/shared/server";
import { startTrainService } from "./service/index.js";

const config = loadConfig();
await runMain("train-service", createLogger("train-service", config.DAK_LOG_LEVEL), (logger) => startTrainService(config, { logger }));
