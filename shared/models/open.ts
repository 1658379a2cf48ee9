/** Opens a base model's folder: configuration checked, every tensor that its shape calls for present. */
import { DakError } from "../errors/index.js";
import type { SafetensorsFile } from "../safetensors/index.js";
import { layoutOf, tensorShapes } from "./architectures/index.js";
import { readEncoderConfig, readSentenceConfig } from "./config-files.js";
import { WEIGHTS } from "./files.js";
import { fingerprintOf } from "./fingerprint.js";
import type { BaseModel, EncoderConfig, ModelFolder } from "./types.js";
import { openWeights } from "./weights.js";

/**
 * A view of a weights file under names without their prefix: `bert.`, `model.`, `0.auto_model.` as other programs write them.
 * @param known a tensor that every such model has
 */
function withoutPrefix(file: SafetensorsFile, known: string): SafetensorsFile {
	const full = [...file.tensors.keys()].find((name) => name === known || name.endsWith(`.${known}`));
	const prefix = full?.slice(0, -known.length) ?? "";
	if (prefix === "") return file;
	const own = [...file.tensors].filter(([name]) => name.startsWith(prefix));
	return {
		metadata: file.metadata,
		tensors: new Map(own.map(([name, info]) => [name.slice(prefix.length), info])),
		bytes: (name) => file.bytes(prefix + name),
		float32: (name) => file.float32(prefix + name),
		rows: (name, rows) => file.rows(prefix + name, rows),
		close: () => file.close(),
	};
}

const FLOATS: readonly string[] = ["F32", "F16", "BF16"];

function checkTensors(file: SafetensorsFile, config: EncoderConfig): void {
	for (const [name, shape] of tensorShapes(config)) {
		const found = file.tensors.get(name);
		if (!found) throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} is missing; expected: [${shape}]`);
		if (String(found.shape) !== String(shape))
			throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} is [${found.shape}], config.json calls for [${shape}]`);
		if (!FLOATS.includes(found.dtype))
			throw new DakError("INVALID_MODEL", `${WEIGHTS}: tensor ${name} has the dtype ${found.dtype}, allowed: ${FLOATS.join(", ")}`);
	}
}

/**
 * Opens a base model. Close `weights` when done.
 * @throws INVALID_MODEL naming file, tensor or field, what was found and what is expected
 */
export async function openBaseModel(folder: ModelFolder): Promise<BaseModel> {
	const { path } = folder;
	const encoder = readEncoderConfig(path);
	const { maxSeqLength = encoder.maxPositions, ...sentence } = readSentenceConfig(path);
	const weights = withoutPrefix(openWeights(path), layoutOf(encoder).words);
	try {
		checkTensors(weights, encoder);
		const fingerprint = await fingerprintOf(path);
		return { folder, encoder, ...sentence, maxSeqLength: Math.min(maxSeqLength, encoder.maxPositions), fingerprint, weights };
	} catch (error) {
		weights.close();
		throw error;
	}
}
