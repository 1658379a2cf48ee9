import type { Config } from "@dak/shared/config";
import { bringModel, type ModelFolder, modelSources } from "@dak/shared/models";

/** A base model's folder: on this machine, or brought to it. @throws MODEL_NOT_FOUND */
export function bringBaseModel(ref: string, config: Config, onProgress: (line: string) => void): Promise<ModelFolder> {
	return bringModel(ref, { ...modelSources(config), allowPaths: true, onProgress });
}
