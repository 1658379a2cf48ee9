/** Both services over one folder, as `npm start` has them, with a base model that trains in milliseconds. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedService } from "@dak/embed-service/service";
import { loadConfig } from "@dak/shared/config";
import { trainingProcess } from "@dak/train-service/training";
import { launchService } from "../../services/train-service/testing/index.js";
import { SMALL_TEXTS, writeSmallBase } from "../../services/train-service/testing/small-base.js";

export const KEY = "a-key-for-both";

export interface Both {
	readonly url: string;
	/** A file of texts, one of them twice. */
	readonly file: string;
	stop(): Promise<void>;
}

export async function startBoth(): Promise<Both> {
	const folder = mkdtempSync(join(tmpdir(), "dak-console-"));
	const models = join(folder, "models");
	writeSmallBase(join(models, "small"));
	const file = join(folder, "winter wear.txt");
	writeFileSync(file, `${[...SMALL_TEXTS, SMALL_TEXTS[0]].join("\n")}\n`);
	const environment = {
		DAK_DATA_DIR: join(folder, "state"),
		DAK_MODELS_DIR: models,
		DAK_BASE_MODEL: "small",
		DAK_API_KEYS: `submit+embed:${KEY}`,
		DAK_DEVICE: "cpu",
		DAK_THREADS: "1",
		DAK_LOG_LEVEL: "silent",
	};
	const embed = await startEmbedService(loadConfig({ ...environment, DAK_EMBED_PORT: "0", DAK_EMBED_GRPC_PORT: "0" }));
	const embedUrl = `http://127.0.0.1:${embed.restPort}`;
	const train = await launchService(environment.DAK_DATA_DIR, { ...environment, DAK_EMBED_URL: embedUrl }, trainingProcess());
	const stop = async () => {
		await Promise.all([train.stop(), embed.close()]);
		rmSync(folder, { recursive: true, force: true });
	};
	return { url: train.url, file, stop };
}
