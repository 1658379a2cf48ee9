/** The service as a process of its own, with a training process that only pretends: for tests that kill it. */
import { loadConfig } from "@dak/shared/config";
import { createLogger } from "@dak/shared/observability";
import { entryPoint } from "@dak/shared/runtime";
import { runMain } from "@dak/shared/server";
import { startTrainService } from "../service/index.js";

const config = loadConfig();
const entry = entryPoint(import.meta.url, "fake-process");
await runMain("train-service", createLogger("train-service", config.DAK_LOG_LEVEL), (logger) =>
	startTrainService(config, { logger, entry }),
);
