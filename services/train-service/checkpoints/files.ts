/**
 * One checkpoint as a folder of three files. `SHA256SUMS` is in the form that `sha256sum -c` reads, so that anybody can check one.
 *
 *     state.safetensors   tensors
 *     checkpoint.json     the rest
 *     SHA256SUMS          a hash of each of the two
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DakError, storageText } from "@dak/shared/errors";
import { openSafetensors, safetensorsPieces, type TensorData } from "@dak/shared/safetensors";
import { type Checkpoint, type CheckpointState, checkpointStateSchema } from "./types.js";

const TENSORS = "state.safetensors";
const STATE = "checkpoint.json";
const SUMS = "SHA256SUMS";
const READ_BYTES = 1 << 20;

/** Brings a file or folder to the disk. */
export function syncPath(path: string): void {
	const descriptor = openSync(path, "r");
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}

/** Writes pieces one after the other, so that no second copy of them is made, and brings them to the disk. */
function writeFile(path: string, pieces: readonly Uint8Array[]): { readonly bytes: number; readonly sha256: string } {
	const descriptor = openSync(path, "wx");
	const hash = createHash("sha256");
	let bytes = 0;
	try {
		for (const piece of pieces) {
			hash.update(piece);
			for (let done = 0; done < piece.byteLength; ) done += writeSync(descriptor, piece, done);
			bytes += piece.byteLength;
		}
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
	return { bytes, sha256: hash.digest("hex") };
}

/** Writes a checkpoint's files into an empty folder, all on the disk at return. @returns their bytes */
export function writeCheckpointFiles(folder: string, { state, tensors }: Checkpoint): number {
	const text = (content: string) => [new TextEncoder().encode(content)];
	const weights = writeFile(join(folder, TENSORS), safetensorsPieces(tensors, {}));
	const rest = writeFile(join(folder, STATE), text(`${JSON.stringify(state, null, "\t")}\n`));
	const sums = writeFile(join(folder, SUMS), text(`${weights.sha256}  ${TENSORS}\n${rest.sha256}  ${STATE}\n`));
	syncPath(folder);
	return weights.bytes + rest.bytes + sums.bytes;
}

/** Reads a checkpoint, having checked every byte of it. @throws STORAGE_FAILED saying what is wrong with it */
export function readCheckpointFiles(folder: string): Checkpoint {
	try {
		checkSums(folder);
		return { state: readState(folder), tensors: readTensors(join(folder, TENSORS)) };
	} catch (cause) {
		throw new DakError("STORAGE_FAILED", storageText(cause), { cause });
	}
}

function checkSums(folder: string): void {
	const sums = new Map(
		readFileSync(join(folder, SUMS), "utf8")
			.trimEnd()
			.split("\n")
			.map((line) => [line.slice(66), line.slice(0, 64)]),
	);
	for (const file of [TENSORS, STATE]) {
		const [expected, found] = [sums.get(file), hashOf(join(folder, file))];
		if (found !== expected) throw new Error(`${file} has the SHA-256 ${found}, ${SUMS} says ${expected ?? "nothing of it"}`);
	}
}

function hashOf(path: string): string {
	const descriptor = openSync(path, "r");
	try {
		return hashAll(createHash("sha256"), descriptor).digest("hex");
	} finally {
		closeSync(descriptor);
	}
}

function hashAll(hash: Hash, descriptor: number): Hash {
	const buffer = Buffer.allocUnsafe(READ_BYTES);
	for (let read = readSync(descriptor, buffer); read > 0; read = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, read));
	return hash;
}

function readState(folder: string): CheckpointState {
	return checkpointStateSchema.parse(JSON.parse(readFileSync(join(folder, STATE), "utf8")));
}

function readTensors(path: string): Record<string, TensorData> {
	const file = openSafetensors(path);
	try {
		return Object.fromEntries([...file.tensors.keys()].map((name) => [name, file.bytes(name)]));
	} finally {
		file.close();
	}
}
