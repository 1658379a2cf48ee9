import type { Config } from "@dak/shared/config";
import { type ModelFolder, pullModel, resolveModel } from "@dak/shared/models";

/** A base model's folder: on this machine, or brought to it. @throws MODEL_NOT_FOUND */
export async function bringBaseModel(ref: string, config: Config, onProgress: (line: string) => void): Promise<ModelFolder> {
	try {
		return await resolveModel(ref, { modelsDir: config.modelsDir, allowPaths: true });
	} catch {
		return pullModel(ref, { modelsDir: config.modelsDir, onProgress });
	}
}
