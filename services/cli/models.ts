/** `dak models`: base models on this machine. */
import { linearLayers, listModels, modelSources, openBaseModel, resolveModel } from "@dak/shared/models";
import { Command } from "commander";
import { bringBaseModel } from "./base-model.js";
import { type Cli, leaf } from "./command/index.js";

async function pull(cli: Cli, name: string): Promise<void> {
	const folder = await bringBaseModel(name, cli.config, (line) => cli.err.line(line));
	const base = await openBaseModel(folder);
	base.weights.close();
	cli.json({ name, path: folder.path, source: folder.source, fingerprint: base.fingerprint });
}

/** Opens a base model as the services do, and says what it is. @throws DakError MODEL_NOT_FOUND, INVALID_MODEL with what is wrong */
async function check(cli: Cli, name: string, json: boolean): Promise<void> {
	const folder = await resolveModel(name, { ...modelSources(cli.config), allowPaths: true });
	const base = await openBaseModel(folder);
	base.weights.close();
	const { encoder, pooling, normalize, maxSeqLength, prompts, fingerprint } = base;
	const result = {
		name,
		path: folder.path,
		architecture: encoder.architecture,
		layers: encoder.layers,
		hidden_size: encoder.hiddenSize,
		vocabulary: encoder.vocabSize,
		max_length: maxSeqLength,
		pooling,
		normalize,
		prompts: Object.keys(prompts),
		adaptable_layers: linearLayers(encoder).length,
		fingerprint,
	};
	if (json) return cli.json(result);
	cli.out.line(`${cli.out.green("usable")}  ${name}`);
	for (const [key, value] of Object.entries(result).slice(1))
		cli.out.line(`  ${cli.out.dim(key.replaceAll("_", " ").padEnd(16))} ${Array.isArray(value) ? value.join(", ") || "none" : value}`);
}

export function modelsCommand(cli: Cli): Command {
	const models = new Command("models").description("base models on this machine");
	leaf(models, {
		usage: "list",
		description: "base models below DAK_MODELS_DIR",
		example: "dak models list",
		json: "print the names as a JSON array",
	}).action(({ json }: { json?: true }) => {
		const names = listModels(cli.config.modelsDir);
		if (json) cli.json(names);
		else for (const name of names) cli.out.line(name);
	});
	leaf(models, {
		usage: "pull <name>",
		description: "bring a base model to this machine, and check it",
		example: "dak models pull all-MiniLM-L6-v2",
		json: "the same: what was brought is printed as JSON",
	}).action((name: string) => pull(cli, name));
	leaf(models, {
		usage: "check <model>",
		description: "whether a base model here can be adapted and served; a name, or a folder",
		example: "dak models check ./my-model",
		json: "print what it is as JSON",
	}).action((name: string, { json }: { json?: true }) => check(cli, name, json ?? false));
	return models;
}
