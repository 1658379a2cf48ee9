/** The real base models that tests run on; tests/setup-models.ts has put or found them in DAK_TEST_MODELS. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type BaseModel, openBaseModel } from "../../models/index.js";

const folderOf = (name: string): string => join(process.env.DAK_TEST_MODELS ?? "", name);

/** Whether a model that is not fetched by itself is there. */
export const hasModel = (name: string): boolean =>
	process.env.DAK_TEST_MODELS !== undefined && existsSync(join(folderOf(name), "model.safetensors"));

export function openTestModel(name = "all-MiniLM-L6-v2"): Promise<BaseModel> {
	return openBaseModel({ ref: name, path: folderOf(name), source: "local" });
}
