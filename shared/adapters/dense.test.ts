import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DENSE_FOLDER } from "./dense.js";
import { readAdapter } from "./index.js";
import { FINGERPRINT, writeSmallAdapter } from "./testing/adapter-folder.js";
import type { DenseModule } from "./types.js";

const READ = { name: "small", maxRank: 8 };
const DENSE: DenseModule = {
	inFeatures: 4,
	outFeatures: 4,
	weight: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
	bias: Float32Array.of(0.1, -0.2, 0.3, -0.4),
};

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-dense-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const refusal = (message: RegExp) => expect.objectContaining({ reason: "ADAPTER_INCOMPATIBLE", message: expect.stringMatching(message) });
const json = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const change = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value));

/** Of the small adapter, without its manifest: as if another program had written it. */
function writeForeign(): void {
	writeSmallAdapter(folder, { dense: DENSE });
	rmSync(join(folder, "manifest.json"));
}

describe("an adapter's Dense module", () => {
	it("reads back bit for bit", () => {
		writeSmallAdapter(folder, { dense: DENSE });
		expect(readAdapter(folder, READ).dense).toEqual(DENSE);
	});

	it("is told of by the model card, where there is one", () => {
		const card = () => readFileSync(join(folder, "README.md"), "utf8");
		writeSmallAdapter(folder);
		expect(card()).not.toContain(DENSE_FOLDER);
		writeSmallAdapter(folder, { dense: DENSE });
		expect(card()).toContain(`Dense.load("this folder", subfolder="${DENSE_FOLDER}")`);
	});

	it("is none where the folder has none", () => {
		writeSmallAdapter(folder);
		expect(readAdapter(folder, READ).dense).toBeUndefined();
	});

	it("stands between two Normalize modules, whatever the base does", () => {
		const base = { ref: "tiny", fingerprint: FINGERPRINT, hiddenSize: 4, normalize: false, prompts: {} };
		writeSmallAdapter(folder, { dense: DENSE, base });
		const kinds = (json("modules.json") as { type: string }[]).map(({ type }) => type.split(".").at(-1));
		expect(kinds).toEqual(["Transformer", "Pooling", "Normalize", "Dense", "Normalize"]);
	});

	it("that sentence-transformers wrote does what it does there", () => {
		writeForeign();
		cpSync(join(import.meta.dirname, "fixtures", "dense"), join(folder, DENSE_FOLDER), { recursive: true });
		const { vector, output } = json(`${DENSE_FOLDER}/expected.json`) as { vector: number[]; output: number[] };
		const { weight, bias } = readAdapter(folder, READ).dense!;
		for (let n = 0; n < 4; n++) {
			const product = vector.reduce((sum, value, k) => sum + value * weight[n * 4 + k]!, bias[n]!);
			expect(product).toBeCloseTo(output[n]!, 6);
		}
	});

	it.each([
		["an activation", { activation_function: "torch.nn.modules.activation.Tanh" }, /activation_function/],
		["a residual", { use_residual: true }, /use_residual/],
		["another size than its weights", { out_features: 3 }, /linear\.weight: found \[4,4\], config\.json calls for \[3,4\]/],
		["no size that anything has", { in_features: 1e9 }, /in_features/],
	])("is refused with %s", (_, changes, message) => {
		writeForeign();
		change(`${DENSE_FOLDER}/config.json`, { ...json(`${DENSE_FOLDER}/config.json`), ...changes });
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(message));
	});

	it("is refused in another place than behind a Normalize", () => {
		writeForeign();
		const [transformer, pooling, , dense] = json("modules.json");
		change("modules.json", [transformer, pooling, dense]);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(/found Transformer, Pooling, Dense; allowed/));
	});

	it("is refused in a folder outside the adapter's", () => {
		writeForeign();
		const modules = json("modules.json") as { path: string }[];
		change(
			"modules.json",
			modules.map((module) => (module.path === DENSE_FOLDER ? { ...module, path: "../elsewhere" } : module)),
		);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(/found Dense in \.\.\/elsewhere/));
	});

	it("must be the one that the manifest was written for", () => {
		writeSmallAdapter(folder, { dense: DENSE });
		const manifest = json("manifest.json");
		writeSmallAdapter(folder, { dense: { ...DENSE, bias: new Float32Array(4) } });
		change("manifest.json", manifest);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(/Dense module: SHA-256 .* was written for/));
	});
});
