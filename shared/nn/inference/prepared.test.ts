import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BaseModel } from "../../models/index.js";
import { openTestModel } from "../testing/base-model.js";
import { COMPUTE_MODES, type PackedTensor, packBase, prepareBase } from "./index.js";

let base: BaseModel;
let folder: string;
beforeAll(async () => {
	base = await openTestModel();
	folder = mkdtempSync(join(tmpdir(), "dak-prepared-"));
});
afterAll(() => {
	base.weights.close();
	rmSync(folder, { recursive: true });
});

const byName = (tensors: readonly PackedTensor[]) =>
	[...tensors]
		.sort((a, b) => (a.input < b.input ? -1 : 1))
		.map(({ data, ...facts }) => ({ ...facts, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength) }));

test.each(COMPUTE_MODES)("a prepared base is the packed one, byte for byte: %s", (compute) => {
	const wanted = byName(packBase(base, compute));
	const first = prepareBase(base, compute, folder);
	const second = prepareBase(base, compute, folder);
	expect([first.fromFile, second.fromFile]).toEqual([false, true]);
	for (const { tensors } of [first, second]) {
		const found = byName(tensors);
		expect(found.map(({ bytes: _, ...facts }) => facts)).toEqual(wanted.map(({ bytes: _, ...facts }) => facts));
		expect(found.every(({ bytes }, i) => bytes.equals(wanted[i]!.bytes))).toBe(true);
	}
	for (const [i, { codes, absmax, ...facts }] of first.nf4.entries()) {
		const again = second.nf4[i]!;
		expect(again).toMatchObject(facts);
		expect([Buffer.from(codes).equals(again.codes), absmax.every((value, at) => value === again.absmax[at])]).toEqual([true, true]);
	}
});

test("a prepared file that was cut short is made anew, and a folder that cannot be written is done without", () => {
	for (const file of readdirSync(folder)) truncateSync(join(folder, file), 1000);
	expect([1, 2].map(() => prepareBase(base, "int8", folder).fromFile)).toEqual([false, true]);
	expect(prepareBase(base, "int8", "/dev/null/nowhere").fromFile).toBe(false);
	expect(prepareBase(base, "int8", undefined).fromFile).toBe(false);
});
