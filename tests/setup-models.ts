/** Before all tests: makes sure that all-MiniLM-L6-v2 is there, and says where (DAK_TEST_MODELS). */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@dak/shared/config";
import { modelSources, pullModel } from "@dak/shared/models";

const NAME = "all-MiniLM-L6-v2";

export default async function setup(): Promise<void> {
	const own = join(import.meta.dirname, "..", ".models");
	const places = [process.env.DAK_MODELS_DIR, join(homedir(), ".cache", "dak", "models"), own];
	const found = places.find((place) => place !== undefined && existsSync(join(place, NAME, "model.safetensors")));
	if (!found) await pullModel(NAME, { ...modelSources(loadConfig()), modelsDir: own, onProgress: (line) => console.error(line) });
	process.env.DAK_TEST_MODELS = found ?? own;
}
