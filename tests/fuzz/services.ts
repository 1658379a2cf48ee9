/** Both services over a base model of a few KB, with a training process that only pretends unless another is given, for what is tested over the network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedService } from "@dak/embed-service/service";
import { loadConfig } from "@dak/shared/config";
import { type EntryPoint, entryPoint } from "@dak/shared/runtime";
import { startTrainService } from "@dak/train-service/service";
import { writeSmallBase } from "../../services/train-service/testing/small-base.js";

const TESTING = new URL("../../services/train-service/testing/index.ts", import.meta.url).href;

export async function startBoth(
	environment: Readonly<Record<string, string>> = {},
	entry: EntryPoint = entryPoint(TESTING, "fake-process"),
) {
	const folder = mkdtempSync(join(tmpdir(), "dak-fuzz-"));
	writeSmallBase(join(folder, "models", "small"));
	const config = loadConfig({
		DAK_DATA_DIR: join(folder, "state"),
		DAK_MODELS_DIR: join(folder, "models"),
		DAK_BASE_MODEL: "small",
		DAK_TRAIN_PORT: "0",
		DAK_TRAIN_GRPC_PORT: "0",
		DAK_EMBED_PORT: "0",
		DAK_EMBED_GRPC_PORT: "0",
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		DAK_LOG_LEVEL: "silent",
		// Nothing that a mutated name asks for leaves this machine.
		HF_ENDPOINT: "http://127.0.0.1:9",
		HF_HOME: join(folder, "hub"),
		...environment,
	});
	const train = await startTrainService(config, { entry });
	const embed = await startEmbedService(config);
	const stop = async () => {
		await Promise.all([train.close(), embed.close()]);
		rmSync(folder, { recursive: true, force: true });
	};
	return { train, embed, stop };
}
