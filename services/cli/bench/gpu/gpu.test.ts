import { execPath } from "node:process";
import { expect, test } from "vitest";
import { detectGpus } from "./devices.js";
import { benchGpu } from "./index.js";
import { runMeasured } from "./measured.js";
import { randomTexts, wordTokenizer } from "./words.js";

test.skipIf(detectGpus().devices.length > 0)("without a GPU it says so, says why, and measures nothing", async () => {
	const found = await benchGpu(["--json"]);
	expect(found).toMatchObject({ devices: [], measured: false, absent: { cuda: expect.any(String), webgpu: expect.any(String) } });
});

test.each([
	["--models", "bert-22m,gpt"],
	["--devices", "tpu"],
	["--batch", "0"],
])("%s %s is refused with what is allowed", async (option, value) => {
	await expect(benchGpu([option, value])).rejects.toThrow(/allowed: /);
});

test("a program that prints JSON is measured; one that fails or hangs is written down", async () => {
	const node = (code: string) => runMeasured(execPath, ["-e", code], 2);
	expect((await node("console.log('{\"step_ms\":3}')")).result).toEqual({ step_ms: 3 });
	expect((await node("console.error('out of memory'); process.exit(3)")).error).toBe("ended with code 3: out of memory");
	expect((await node("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)")).error).toMatch(/^killed/);
});

test("random texts have as many tokens as asked for, all of them words of the vocabulary", () => {
	const { encode } = wordTokenizer(30_522);
	for (const text of randomTexts(20, 64, 30_522)) {
		const ids = encode(text, { maxLength: 64 });
		expect(ids).toHaveLength(64);
		expect(ids.subarray(1, -1).every((id) => id >= 1000 && id < 30_522)).toBe(true);
	}
});
