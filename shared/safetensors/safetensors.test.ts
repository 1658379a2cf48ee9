import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DakError } from "../errors/index.js";
import { DTYPE_BYTES } from "./header.js";
import { encodeSafetensors, float32Tensor, openSafetensors, type SafetensorsDtype, type TensorData, writeSafetensors } from "./index.js";

const FIXTURES = join(import.meta.dirname, "fixtures");
let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-safetensors-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, "test.safetensors");

/** Opens these bytes as a file, reads every tensor and closes it again. */
function readAll(bytes: Uint8Array): Record<string, TensorData> {
	writeFileSync(path(), bytes);
	const file = openSafetensors(path());
	try {
		return Object.fromEntries([...file.tensors.keys()].map((name) => [name, file.bytes(name)]));
	} finally {
		file.close();
	}
}

/** A file of this header and so many bytes of data. */
function withHeader(header: unknown, dataBytes = 0): Uint8Array {
	const json = typeof header === "string" ? header : JSON.stringify(header);
	const bytes = Buffer.from(json);
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(bytes.length));
	return Buffer.concat([length, bytes, Buffer.alloc(dataBytes)]);
}

function refusal(bytes: Uint8Array): DakError {
	try {
		readAll(bytes);
	} catch (error) {
		if (error instanceof DakError) return error;
		throw error;
	}
	throw new Error("the file was taken");
}

describe("rows of a matrix", () => {
	const matrix = (dtype: "F32" | "F16" | "BF16", bits: Uint16Array | Float32Array): TensorData => ({
		dtype,
		shape: [5, 3],
		data: new Uint8Array(bits.buffer),
	});
	const tensors = {
		f32: matrix(
			"F32",
			Float32Array.from({ length: 15 }, (_, i) => i / 7),
		),
		f16: matrix(
			"F16",
			Uint16Array.from({ length: 15 }, (_, i) => 0x3c00 + 17 * i),
		),
		bf16: matrix(
			"BF16",
			Uint16Array.from({ length: 15 }, (_, i) => 0x3f80 + i),
		),
	};

	it.each(Object.keys(tensors))("are those of the whole, in the order asked for: %s", (name) => {
		writeFileSync(path(), encodeSafetensors(tensors));
		const file = openSafetensors(path());
		const whole = file.float32(name);
		for (const rows of [[0, 1, 2, 3, 4], [4, 0, 1, 3], [2], [], [1, 1]]) {
			expect([...file.rows(name, rows)]).toEqual(rows.flatMap((row) => [...whole.subarray(3 * row, 3 * row + 3)]));
		}
		for (const rows of [[5], [3, 4, 5], [-1]]) expect(() => file.rows(name, rows)).toThrowError(/has no row (5|-1), it has 5/);
		file.close();
	});
});

describe("a file that Python's library wrote", () => {
	const golden = JSON.parse(readFileSync(join(FIXTURES, "python.json"), "utf8")) as { values: Record<string, (number | string)[]> };
	const file = join(FIXTURES, "python.safetensors");

	it.each(Object.keys(golden.values))("gives the values of %s", (name) => {
		const opened = openSafetensors(file);
		const expected = Float32Array.from(golden.values[name]!, Number);
		expect([...opened.float32(name)]).toEqual([...expected]);
		opened.close();
	});

	it("is written again byte for byte", () => {
		const bytes = readFileSync(file);
		expect(Buffer.from(encodeSafetensors(readAll(bytes), { format: "pt" })).equals(bytes)).toBe(true);
	});

	it("gives integers as bytes, never as fp32", () => {
		const opened = openSafetensors(file);
		expect(() => opened.float32("i64")).toThrowError(expect.objectContaining({ reason: "INVALID_MODEL" }));
		expect(new BigInt64Array(opened.bytes("i64").data.buffer)[0]).toBe(-(2n ** 62n));
		opened.close();
	});
});

const tensor = fc
	.record({
		dtype: fc.constantFrom(...(Object.keys(DTYPE_BYTES) as SafetensorsDtype[])),
		shape: fc.array(fc.nat(5), { maxLength: 3 }),
	})
	.chain(({ dtype, shape }) => {
		const bytes = shape.reduce((n, d) => n * d, DTYPE_BYTES[dtype]);
		return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data): TensorData => ({ dtype, shape, data }));
	});
const name = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => text !== "__metadata__" && text !== "__proto__");
const tensors = fc.dictionary(name, tensor, { maxKeys: 6, noNullPrototype: true });

describe("properties", () => {
	it("reads what it wrote", () => {
		fc.assert(
			fc.property(tensors, (written) => {
				const read = readAll(encodeSafetensors(written));
				expect(Object.keys(read).sort()).toEqual(Object.keys(written).sort());
				for (const [key, { dtype, shape, data }] of Object.entries(written)) {
					expect(read[key]).toMatchObject({ dtype, shape });
					expect(Buffer.from(read[key]!.data).equals(data)).toBe(true);
				}
			}),
		);
	});

	it("takes or refuses a damaged file, and never fails otherwise", () => {
		const whole = Buffer.from(
			encodeSafetensors({ a: float32Tensor(Float32Array.of(1, 2, 3, 4), [2, 2]), b: float32Tensor(new Float32Array(3), [3]) }),
		);
		const edit = fc.record({
			at: fc.nat(whole.length - 1),
			to: fc.oneof(
				fc.nat(255),
				fc.constantFrom(...'-9[]{},:"e.').map((c) => (typeof c === "string" ? c.charCodeAt(0) : c)),
			),
		});
		let refused = 0;
		fc.assert(
			fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.option(fc.nat(whole.length)), (edits, length) => {
				const damaged = Buffer.from(whole);
				for (const { at, to } of edits) damaged[at] = to;
				try {
					readAll(damaged.subarray(0, length ?? whole.length));
				} catch (error) {
					expect(error).toMatchObject({ reason: "INVALID_MODEL", message: expect.stringContaining(path()) });
					refused++;
				}
			}),
			{ numRuns: 500 },
		);
		expect(refused).toBeGreaterThan(100);
	});

	it("refuses a header of any JSON that is no header", () => {
		fc.assert(
			fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }), fc.nat(64), (header, bytes) => {
				fc.pre(Object.keys(header).join() !== "__metadata__");
				expect(refusal(withHeader(header, bytes)).reason).toBe("INVALID_MODEL");
			}),
		);
	});
});

const F32 = (shape: unknown, data_offsets: unknown) => ({ dtype: "F32", shape, data_offsets });

describe("a hostile file is refused before anything is allocated by its claims", () => {
	it.each<[string, Uint8Array, RegExp]>([
		["nothing", new Uint8Array(0), /no safetensors/],
		["less than a length", new Uint8Array(7), /no safetensors/],
		["a header longer than the file", Buffer.from("ffffffffffffff7f7b7d", "hex"), /no safetensors/],
		["a pickle", Buffer.from("800495170000000000000080", "hex"), /no safetensors/],
		["a header that is no UTF-8", withHeader("xxxx").fill(0xff, 8), /no JSON/],
		["a list for a header", withHeader([]), /no JSON object/],
		["metadata that are no strings", withHeader({ __metadata__: { a: 1 } }), /map of strings/],
		["an unknown dtype", withHeader({ a: { dtype: "F4", shape: [1], data_offsets: [0, 4] } }, 4), /a: dtype "F4", allowed: BOOL/],
		["a dtype from the prototype", withHeader({ a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }, 4), /dtype "toString"/],
		["a negative shape", withHeader({ a: F32([-1, -1], [0, 4]) }, 4), /shape \[-1,-1\]/],
		["a broken shape", withHeader({ a: F32([1.5], [0, 6]) }, 6), /shape \[1.5\]/],
		["a shape whose product overflows", withHeader({ a: F32([2 ** 32, 2 ** 32, 2], [0, 8]) }, 8), /its dtype and shape need/],
		["a shape of too many axes", withHeader({ a: F32(Array(9).fill(1), [0, 4]) }, 4), /up to 8/],
		["offsets beyond the file", withHeader({ a: F32([2 ** 40], [0, 2 ** 42]) }, 8), /the file has 8/],
		["offsets backwards", withHeader({ a: F32([1], [4, 0]) }, 4), /-4 bytes/],
		["a size that is not the shape's", withHeader({ a: F32([2], [0, 4]) }, 4), /4 bytes, its dtype and shape need 8/],
		[
			"tensors that overlap",
			withHeader({ a: F32([2], [0, 8]), b: F32([2], [4, 12]) }, 12),
			/b: begins at byte 4, the one before ends at 8/,
		],
		["a hole between tensors", withHeader({ a: F32([1], [0, 4]), b: F32([1], [8, 12]) }, 12), /b: begins at byte 8/],
		["bytes behind the last tensor", withHeader({ a: F32([1], [0, 4]) }, 8), /need 4 bytes, the file has 8/],
		["nesting too deep to print", withHeader(`{"a":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`), /deeply nested/],
		["an endless name", withHeader({ ["x".repeat(1e6)]: F32([1], [0, 8]) }, 8), /x\.\.\.: 8 bytes/],
	])("%s", (_, bytes, message) => {
		const error = refusal(bytes);
		expect(error.reason).toBe("INVALID_MODEL");
		expect(error.message).toMatch(message);
		expect(error.message.length).toBeLessThan(500);
	});

	it("refuses what is no regular file, without waiting for it", () => {
		mkdirSync(join(folder, "folder"));
		execFileSync("mkfifo", [join(folder, "pipe")]);
		for (const name of ["folder", "pipe", "nowhere"])
			expect(() => openSafetensors(join(folder, name))).toThrowError(expect.objectContaining({ reason: "INVALID_MODEL" }));
	});

	it("says so when a file is cut short after it was opened", () => {
		writeSafetensors(path(), { a: float32Tensor(new Float32Array(1000), [1000]) });
		const file = openSafetensors(path());
		truncateSync(path(), 200);
		expect(() => file.float32("a")).toThrowError(/ended at byte 200/);
		file.close();
	});
});

describe("an open file", () => {
	it("refuses a tensor that it has not, and everything once closed", () => {
		writeSafetensors(path(), { a: float32Tensor(Float32Array.of(1), [1]) });
		const file = openSafetensors(path());
		expect(() => file.bytes("b")).toThrowError(/no tensor b/);
		file.close();
		file.close();
		expect(() => file.bytes("a")).toThrowError(/closed/);
	});

	it("will not be written from bytes that are not the shape's", () => {
		expect(() => encodeSafetensors({ a: { dtype: "F32", shape: [2], data: new Uint8Array(4) } })).toThrowError(/4 bytes as F32 \[2\]/);
	});
});
