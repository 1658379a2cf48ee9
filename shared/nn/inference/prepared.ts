/**
 * The packed base as a file, so that a start reads it in place of packing it again. The file is named by all that its content
 * follows from; word embeddings stay where they are, in the model's own file.
 */
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BaseModel } from "../../models/index.js";
import { encodeSafetensors, openSafetensors, type SafetensorsDtype, type TensorData } from "../../safetensors/index.js";
import type { ComputeMode } from "./compute.js";
import { type Nf4Linear, packNf4 } from "./nf4-linears.js";
import { productsSaturate } from "./saturation.js";
import { allServedLayers } from "./served-layers.js";
import { type PackedTensor, packEncoder, packWords } from "./weights.js";

export interface PreparedBase {
	readonly nf4: readonly Nf4Linear[];
	/** As `packBase` gives them. */
	readonly tensors: readonly PackedTensor[];
	/** Whether a file was there. */
	readonly fromFile: boolean;
}

/** Counted up when what is in the file changes. */
const FORMAT = 1;
const NF4 = "nf4:";

/**
 * Packs a base, or takes what an earlier start has packed. A file that cannot be read is made anew; one that cannot be
 * written is done without. @param folder where such files are kept; undefined: none is
 */
export function prepareBase(base: BaseModel, compute: ComputeMode, folder: string | undefined): PreparedBase {
	const path = folder === undefined ? undefined : join(folder, fileName(base, compute));
	const known = path === undefined ? undefined : read(path, base, compute);
	if (known) return { nf4: known.nf4, tensors: [packWords(base), ...known.encoder], fromFile: true };
	const nf4 = packNf4(base);
	const encoder = packEncoder(base, compute, nf4);
	if (path !== undefined) write(folder!, path, nf4, encoder);
	return { nf4, tensors: [packWords(base), ...encoder], fromFile: false };
}

function fileName({ fingerprint }: BaseModel, compute: ComputeMode): string {
	const facts = [FORMAT, fingerprint, compute, productsSaturate()];
	return `${createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32)}.safetensors`;
}

const DTYPES: Readonly<Record<PackedTensor["dtype"], SafetensorsDtype>> = { float32: "F32", float16: "F16", uint8: "U8", int8: "I8" };

const tensorData = (
	dtype: SafetensorsDtype,
	shape: readonly number[],
	{ buffer, byteOffset, byteLength }: ArrayBufferView,
): TensorData => ({
	dtype,
	shape,
	data: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
});

function write(folder: string, path: string, nf4: readonly Nf4Linear[], encoder: readonly PackedTensor[]): void {
	const tensors: Record<string, TensorData> = {};
	for (const { input, dtype, dims, data } of encoder) tensors[input] = tensorData(DTYPES[dtype], dims, data);
	for (const { path: layer, codes, absmax } of nf4) {
		tensors[`${NF4}${layer}.codes`] = tensorData("U8", [codes.length], codes);
		tensors[`${NF4}${layer}.absmax`] = tensorData("F32", [absmax.length], absmax);
	}
	const staged = `${path}.${process.pid}`;
	try {
		mkdirSync(folder, { recursive: true });
	} catch {
		return;
	}
	try {
		writeFileSync(staged, encodeSafetensors(tensors, { format: "dak" }));
		renameSync(staged, path);
	} catch {
		rmSync(staged, { force: true });
	}
}

function read(
	path: string,
	base: BaseModel,
	compute: ComputeMode,
): { readonly nf4: Nf4Linear[]; readonly encoder: PackedTensor[] } | undefined {
	try {
		const file = openSafetensors(path);
		try {
			const bytes = (name: string) => file.bytes(name).data;
			const floats = (name: string) => file.float32(name);
			const nf4 = allServedLayers(base.encoder).map(({ path: layer, inFeatures, outFeatures }): Nf4Linear => {
				return { path: layer, inFeatures, outFeatures, codes: bytes(`${NF4}${layer}.codes`), absmax: floats(`${NF4}${layer}.absmax`) };
			});
			const names = [...file.tensors.keys()].filter((name) => !name.startsWith(NF4));
			return { nf4, encoder: names.map((name) => packed(name, file.bytes(name), compute)) };
		} finally {
			file.close();
		}
	} catch {
		return undefined;
	}
}

/** In the 8-bit modes a weight is part of the graph. */
function packed(input: string, { dtype, shape, data }: TensorData, compute: ComputeMode): PackedTensor {
	const fixed = compute !== "fp32" && (input.endsWith(".weight.codes") || input.endsWith(".weight.scale"));
	const buffer = data.buffer as ArrayBuffer;
	const kinds = {
		F32: () => ({ dtype: "float32", data: new Float32Array(buffer) }) as const,
		I8: () => ({ dtype: "int8", data: new Int8Array(buffer) }) as const,
		U8: () => ({ dtype: "uint8", data }) as const,
	};
	const kind = kinds[dtype as keyof typeof kinds]();
	return { input, dims: shape, ...kind, ...(fixed && { fixed: true }) };
}
