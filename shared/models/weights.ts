/** A base model's weights: one file, or several with an index that says which holds what, read as one. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { DakError, parseOrThrow } from "../errors/index.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors/index.js";
import { WEIGHTS, WEIGHTS_INDEX } from "./files.js";

/** An index names each tensor of a model: some hundred bytes each. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;
const MOST_SHARDS = 256;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)) });

/** Files that hold the weights, below the model's folder: the one, or the shards by name. @throws INVALID_MODEL for an index that is none */
export function weightFiles(folder: string): string[] {
	if (existsSync(join(folder, WEIGHTS)) || !existsSync(join(folder, WEIGHTS_INDEX))) return [WEIGHTS];
	const shards = [...new Set(Object.values(readIndex(folder)))].sort();
	if (shards.length === 0 || shards.length > MOST_SHARDS)
		throw new DakError("INVALID_MODEL", `${WEIGHTS_INDEX}: names ${shards.length} files, allowed: 1 to ${MOST_SHARDS}`);
	return shards;
}

function readIndex(folder: string): Readonly<Record<string, string>> {
	try {
		const path = join(folder, WEIGHTS_INDEX);
		const { size } = statSync(path);
		if (size > MAX_INDEX_BYTES) throw new Error(`${size} bytes, allowed: ${MAX_INDEX_BYTES}`);
		return parseOrThrow(indexSchema, JSON.parse(readFileSync(path, "utf8")), "INVALID_MODEL").weight_map;
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${WEIGHTS_INDEX}: ${(cause as Error).message}`, { cause });
	}
}

/** Opens a model's weights. Close it when done. @throws INVALID_MODEL as `openSafetensors` does, and for a tensor that is not where the index says */
export function openWeights(folder: string): SafetensorsFile {
	const names = weightFiles(folder);
	if (names.length === 1 && names[0] === WEIGHTS) return openSafetensors(join(folder, WEIGHTS));
	const shards = new Map<string, SafetensorsFile>();
	try {
		for (const name of names) shards.set(name, openSafetensors(join(folder, name)));
		return new Shards(new Map(Object.entries(readIndex(folder)).map(([tensor, shard]) => [tensor, { shard, file: shards.get(shard)! }])));
	} catch (error) {
		for (const shard of shards.values()) shard.close();
		throw error;
	}
}

class Shards implements SafetensorsFile {
	readonly metadata = {};
	readonly tensors: SafetensorsFile["tensors"];

	constructor(private readonly places: ReadonlyMap<string, { readonly shard: string; readonly file: SafetensorsFile }>) {
		this.tensors = new Map(
			[...places].map(([name, { shard, file }]) => {
				const info = file.tensors.get(name);
				if (!info) throw new DakError("INVALID_MODEL", `${WEIGHTS_INDEX}: says that ${shard} holds ${name}; it does not`);
				return [name, info];
			}),
		);
	}

	bytes(name: string) {
		return this.#file(name).bytes(name);
	}

	float32(name: string): Float32Array {
		return this.#file(name).float32(name);
	}

	rows(name: string, rows: ArrayLike<number>): Float32Array {
		return this.#file(name).rows(name, rows);
	}

	#file(name: string): SafetensorsFile {
		const place = this.places.get(name);
		if (!place) throw new DakError("INVALID_MODEL", `${WEIGHTS_INDEX}: there is no tensor ${name}`);
		return place.file;
	}

	close(): void {
		for (const file of new Set([...this.places.values()].map((place) => place.file))) file.close();
	}
}
