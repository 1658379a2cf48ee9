import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { DakError } from "../errors/index.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
import { type Header, MAX_HEADER_BYTES, parseHeader } from "./header.js";
import type { SafetensorsFile, TensorData, TensorInfo } from "./types.js";

/** Opens a safetensors file. @throws INVALID_MODEL if it is not there, cut short or not of the format */
export function openSafetensors(path: string): SafetensorsFile {
	let descriptor: number;
	try {
		// Without O_NONBLOCK a named pipe in the place of a file would hold the process until someone writes to it.
		descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
	} catch (cause) {
		throw new DakError("INVALID_MODEL", `${path}: cannot be opened`, { cause });
	}
	try {
		return readOpened(path, descriptor);
	} catch (error) {
		closeSync(descriptor);
		throw error;
	}
}

function readOpened(path: string, descriptor: number): SafetensorsFile {
	const stat = fstatSync(descriptor);
	if (!stat.isFile()) throw new DakError("INVALID_MODEL", `${path}: no regular file`);
	const fileBytes = stat.size;
	const headerBytes = fileBytes >= 8 ? Number(new DataView(readAt(path, descriptor, 0, 8).buffer).getBigUint64(0, true)) : 0;
	if (headerBytes < 2 || headerBytes > Math.min(MAX_HEADER_BYTES, fileBytes - 8)) {
		throw new DakError("INVALID_MODEL", `${path}: no safetensors file (a header of ${headerBytes} bytes in a file of ${fileBytes})`);
	}
	const header = parseHeader(path, readAt(path, descriptor, 8, headerBytes), fileBytes - 8 - headerBytes);
	return new OpenFile(path, descriptor, header, 8 + headerBytes);
}

/** Node reads less than 2 GiB at once. */
const MAX_READ_BYTES = 2 ** 30;

function readAt(path: string, descriptor: number, position: number, bytes: number): Uint8Array {
	const data = new Uint8Array(bytes);
	for (let done = 0; done < bytes; ) {
		const read = readSync(descriptor, data, done, Math.min(bytes - done, MAX_READ_BYTES), position + done);
		if (read === 0) throw new DakError("INVALID_MODEL", `${path}: ended at byte ${position + done} while reading`);
		done += read;
	}
	return data;
}

class OpenFile implements SafetensorsFile {
	#open = true;

	constructor(
		private readonly path: string,
		private readonly descriptor: number,
		private readonly header: Header,
		private readonly dataStart: number,
	) {}

	get metadata(): Header["metadata"] {
		return this.header.metadata;
	}

	get tensors(): ReadonlyMap<string, TensorInfo> {
		return this.header.tensors;
	}

	bytes(name: string): TensorData {
		const info = this.header.tensors.get(name);
		if (!info) throw new DakError("INVALID_MODEL", `${this.path}: no tensor ${name}`);
		if (!this.#open) throw new DakError("INVALID_MODEL", `${this.path}: closed`);
		const [start, end] = info.offsets;
		return { dtype: info.dtype, shape: info.shape, data: readAt(this.path, this.descriptor, this.dataStart + start, end - start) };
	}

	float32(name: string): Float32Array {
		const { dtype, data } = this.bytes(name);
		if (dtype === "F32") return new Float32Array(data.buffer as ArrayBuffer);
		if (dtype === "F16") return float16ToFloat32(new Uint16Array(data.buffer));
		if (dtype === "BF16") return bfloat16ToFloat32(new Uint16Array(data.buffer));
		throw new DakError("INVALID_MODEL", `${this.path}: tensor ${name}: dtype ${dtype}, allowed: F32, F16, BF16`);
	}

	close(): void {
		if (this.#open) closeSync(this.descriptor);
		this.#open = false;
	}
}
