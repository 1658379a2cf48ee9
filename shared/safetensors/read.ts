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
		const { dtype, shape, offsets } = this.#info(name);
		return { dtype, shape, data: this.#read(offsets[0], offsets[1]) };
	}

	float32(name: string): Float32Array {
		const { dtype, data } = this.bytes(name);
		return this.#widen(name, dtype, data);
	}

	rows(name: string, rows: ArrayLike<number>): Float32Array {
		const { dtype, shape, offsets } = this.#info(name);
		const [count, size] = shape;
		if (shape.length !== 2) throw new DakError("INVALID_MODEL", `${this.path}: tensor ${name} has ${shape.length} dimensions, not 2`);
		const rowBytes = (offsets[1] - offsets[0]) / count!;
		const data = new Uint8Array(rows.length * rowBytes);
		for (let i = 0; i < rows.length; ) {
			const first = rows[i]!;
			let last = i;
			while (last + 1 < rows.length && rows[last + 1] === rows[last]! + 1) last++;
			if (first < 0 || rows[last]! >= count!)
				throw new DakError("INVALID_MODEL", `${this.path}: tensor ${name} has no row ${first < 0 ? first : rows[last]}, it has ${count}`);
			const start = offsets[0] + first * rowBytes;
			data.set(this.#read(start, start + (last - i + 1) * rowBytes), i * rowBytes);
			i = last + 1;
		}
		return this.#widen(name, dtype, data).subarray(0, rows.length * size!);
	}

	#info(name: string): TensorInfo {
		const info = this.header.tensors.get(name);
		if (!info) throw new DakError("INVALID_MODEL", `${this.path}: no tensor ${name}`);
		return info;
	}

	/** Bytes [start, end) of the data section. */
	#read(start: number, end: number): Uint8Array {
		if (!this.#open) throw new DakError("INVALID_MODEL", `${this.path}: closed`);
		return readAt(this.path, this.descriptor, this.dataStart + start, end - start);
	}

	#widen(name: string, dtype: TensorInfo["dtype"], data: Uint8Array): Float32Array {
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
