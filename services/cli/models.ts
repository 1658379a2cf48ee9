/** `dak models`: base models on this machine. */
import { loadConfig } from "@dak/shared/config";
import { listModels, openBaseModel } from "@dak/shared/models";
import { Command } from "commander";
import { bringBaseModel } from "./base-model.js";

async function pull(name: string): Promise<void> {
	const config = loadConfig();
	const folder = await bringBaseModel(name, config, (line) => console.error(line));
	const base = await openBaseModel(folder);
	base.weights.close();
	console.log(JSON.stringify({ name, path: folder.path, source: folder.source, fingerprint: base.fingerprint }));
}

function list(): void {
	for (const name of listModels(loadConfig().modelsDir)) console.log(name);
}

export function modelsCommand(): Command {
	const command = new Command("models").description("base models on this machine");
	command.command("pull").argument("<name>", "hub id, or all-MiniLM-L6-v2").description("bring a base model, and check it").action(pull);
	command.command("list").description("base models below DAK_MODELS_DIR").action(list);
	return command;
}
