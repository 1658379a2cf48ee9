/**
 * The Dense module of an adapter folder, in sentence-transformers' own files: vectors of length 1 go through one linear layer.
 * What its reader would do otherwise (an activation, a residual, another size) is refused, not passed over.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { encodeSafetensors, float32Tensor, openSafetensors } from "../safetensors/index.js";
import type { DenseModule } from "./types.js";

export const DENSE_FOLDER = "3_Dense";
const WEIGHTS = "model.safetensors";
const IDENTITY = "torch.nn.modules.linear.Identity";
/** No embedding model that adapters are made for is wider. */
const MOST_FEATURES = 16_384;

const refuse = (message: string): DakError => new DakError("ADAPTER_INCOMPATIBLE", message);

const configSchema = z.object({
	in_features: z.int().min(1).max(MOST_FEATURES),
	out_features: z.int().min(1).max(MOST_FEATURES),
	bias: z.boolean().default(true),
	activation_function: z.literal(IDENTITY),
	use_residual: z.literal(false).default(false),
	module_input_name: z.literal("sentence_embedding").default("sentence_embedding"),
	module_output_name: z.literal("sentence_embedding").nullable().default("sentence_embedding"),
});

const moduleList = z.array(z.object({ path: z.string(), type: z.string() })).max(16);

/** Writes the module's folder. @returns SHA-256 of its weights, hex */
export function writeDense(folder: string, { inFeatures, outFeatures, weight, bias }: DenseModule): string {
	const own = join(folder, DENSE_FOLDER);
	mkdirSync(own, { recursive: true });
	const weights = encodeSafetensors({
		"linear.weight": float32Tensor(weight, [outFeatures, inFeatures]),
		"linear.bias": float32Tensor(bias, [outFeatures]),
	});
	const config = { in_features: inFeatures, out_features: outFeatures, bias: true, activation_function: IDENTITY };
	writeFileSync(join(own, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
	writeFileSync(join(own, WEIGHTS), weights);
	return createHash("sha256").update(weights).digest("hex");
}

export interface ReadDense {
	readonly dense: DenseModule;
	/** SHA-256 of its weights, hex. */
	readonly hash: string;
}

/** The module that modules.json names; undefined where there is none. @throws ADAPTER_INCOMPATIBLE for one that cannot be applied */
export function readDense(folder: string): ReadDense | undefined {
	const kinds = readModules(folder).map(({ path, type }) => ({ path, kind: type.slice(type.lastIndexOf(".") + 1) }));
	const at = kinds.findIndex(({ kind }) => kind === "Dense");
	if (at < 0) return undefined;
	const order = kinds.map(({ kind }) => kind).join(", ");
	if (kinds.filter(({ kind }) => kind === "Dense").length > 1 || kinds[at - 1]?.kind !== "Normalize")
		throw refuse(`modules.json: found ${order}; allowed: one Dense, right behind a Normalize`);
	if (kinds[at]!.path !== DENSE_FOLDER) throw refuse(`modules.json: found Dense in ${kinds[at]!.path}; allowed: ${DENSE_FOLDER}`);
	return readFiles(join(folder, DENSE_FOLDER));
}

function readModules(folder: string): z.output<typeof moduleList> {
	const path = join(folder, "modules.json");
	if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return [];
	return parseOrThrow(moduleList, parseJson(path), "ADAPTER_INCOMPATIBLE");
}

function readFiles(folder: string): ReadDense {
	const config = parseOrThrow(configSchema, parseJson(join(folder, "config.json")), "ADAPTER_INCOMPATIBLE");
	const path = join(folder, WEIGHTS);
	const [inFeatures, outFeatures] = [config.in_features, config.out_features];
	// Header, weight and bias.
	const most = 4 * (inFeatures + 1) * outFeatures + 2 ** 20;
	const bytes = statSync(path, { throwIfNoEntry: false });
	if (!bytes?.isFile() || bytes.size > most)
		throw refuse(`${path}: found ${bytes?.size ?? "no"} bytes, allowed: a file of at most ${most}`);
	const file = openSafetensors(path);
	try {
		const values = (name: string, shape: readonly number[]): Float32Array => {
			const found = file.tensors.get(name)?.shape;
			if (found?.join() !== shape.join()) throw refuse(`${path}: ${name}: found [${found ?? "nothing"}], config.json calls for [${shape}]`);
			const tensor = file.float32(name);
			if (!tensor.every(Number.isFinite)) throw refuse(`${path}: ${name} holds values that are not finite`);
			return tensor;
		};
		const weight = values("linear.weight", [outFeatures, inFeatures]);
		const bias = config.bias ? values("linear.bias", [outFeatures]) : new Float32Array(outFeatures);
		return { dense: { inFeatures, outFeatures, weight, bias }, hash: createHash("sha256").update(readFileSync(path)).digest("hex") };
	} finally {
		file.close();
	}
}

function parseJson(path: string): unknown {
	try {
		return JSON.parse(readFileSync(path, "utf8"));
	} catch (cause) {
		throw new DakError("ADAPTER_INCOMPATIBLE", `${path}: cannot be read as JSON`, { cause });
	}
}
