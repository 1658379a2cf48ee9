import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSafetensors, type TensorData, writeSafetensors } from "../safetensors/index.js";
import { CONFIG_FILE, checkAdapterFits, MANIFEST_FILE, readAdapter, targetModules, WEIGHTS_FILE } from "./index.js";
import { BERT_LAYER, FINGERPRINT, factors, writeSmallAdapter } from "./testing/adapter-folder.js";

const FIXTURES = join(import.meta.dirname, "fixtures");
const READ = { name: "small", maxRank: 8 };

let folder: string;
beforeEach(() => {
	folder = join(mkdtempSync(join(tmpdir(), "dak-adapter-")), "adapter");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const json = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const refusal = (message: string | RegExp) =>
	expect.objectContaining({ reason: "ADAPTER_INCOMPATIBLE", message: expect.stringMatching(message) });

describe("a folder that PEFT wrote", () => {
	interface Expected {
		readonly layers: string[];
		readonly scale: number;
		readonly path: string;
		readonly delta: number[];
	}
	const { cases } = JSON.parse(readFileSync(join(FIXTURES, "expected.json"), "utf8")) as { cases: Record<string, Expected> };

	it.each(Object.keys(cases))("%s: the layers, the scale and the change of a weight are PEFT's", (name) => {
		const { layers, scale, path, delta } = cases[name]!;
		const adapter = readAdapter(join(FIXTURES, name), READ);
		expect(adapter.modules.map((module) => module.path).sort()).toEqual(layers);
		expect(adapter.scale).toBeCloseTo(scale, 10);
		expect(adapter.manifest).toBeUndefined();
		const { a, b, r, inFeatures, outFeatures } = adapter.modules.find((module) => module.path === path)!;
		for (let n = 0; n < outFeatures; n++)
			for (let k = 0; k < inFeatures; k++) {
				let product = 0;
				for (let i = 0; i < r; i++) product += b[n * r + i]! * a[i * inFeatures + k]!;
				expect(adapter.scale * product).toBeCloseTo(delta[n * inFeatures + k]!, 5);
			}
	});
});

describe("adapter_config.json", () => {
	/** A whole folder whose configuration has these changes. */
	function withConfig(changes: Record<string, unknown>): void {
		writeSmallAdapter(folder);
		writeFileSync(join(folder, CONFIG_FILE), JSON.stringify({ ...json(CONFIG_FILE), ...changes }));
	}

	it.each<Record<string, unknown>>([
		{ peft_type: "IA3" },
		{ peft_type: undefined },
		{ r: 0 },
		{ r: 2.5 },
		{ r: "2" },
		{ lora_alpha: 0 },
		{ lora_alpha: null },
		{ bias: "all" },
		{ bias: "lora_only" },
		{ fan_in_fan_out: true },
		{ use_dora: true },
		{ use_qalora: true },
		{ lora_bias: true },
		{ modules_to_save: ["classifier"] },
		{ rank_pattern: { query: 4 } },
		{ alpha_pattern: { query: 4 } },
		{ layer_replication: [[0, 4]] },
		{ trainable_token_indices: [1] },
		{ alora_invocation_tokens: [1] },
		{ target_modules: 3 },
		{ init_lora_weights: "pissa" },
		{ init_lora_weights: "pissa_niter_4" },
		{ init_lora_weights: "olora" },
		{ init_lora_weights: "loftq" },
	])("is refused with %j, the key named", (changes) => {
		withConfig(changes);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(`/${Object.keys(changes)[0]}: .*; found `));
	});

	it.each<Record<string, unknown>>([
		{ lora_dropout: 0.1, use_rslora: false, task_type: "FEATURE_EXTRACTION" },
		{ modules_to_save: [], rank_pattern: null, alpha_pattern: {}, layer_replication: null },
		{ target_modules: ".*query|.*dense" },
		{ init_lora_weights: "gaussian" },
		{ a_key_of_a_later_version: { nested: [1] }, peft_version: "9.0.0", use_dora: undefined, bias: undefined },
	])("is taken with %j", (changes) => {
		withConfig(changes);
		expect(readAdapter(folder, READ).r).toBe(2);
	});

	it("may ask for no more than the highest rank", () => {
		withConfig({});
		expect(() => readAdapter(folder, { ...READ, maxRank: 1 })).toThrowError(refusal("rank 2 exceeds the highest allowed, 1"));
	});

	it.each(["", "null", "[]", "{", "\0"])("is refused as %j", (text) => {
		withConfig({});
		writeFileSync(join(folder, CONFIG_FILE), text);
		expect(() => readAdapter(folder, READ)).toThrowError(expect.objectContaining({ reason: "ADAPTER_INCOMPATIBLE" }));
	});
});

describe("adapter_model.safetensors", () => {
	type Tensors = Record<string, TensorData>;
	const A = "base_model.model.encoder.layer.0.output.dense.lora_A.weight";
	const B = A.replace("lora_A", "lora_B");

	/** A whole folder whose tensors were changed, without a manifest, as PEFT leaves it. */
	function withTensors(change: (tensors: Tensors) => void): void {
		writeSmallAdapter(folder);
		rmSync(join(folder, MANIFEST_FILE));
		const file = openSafetensors(join(folder, WEIGHTS_FILE));
		const tensors = Object.fromEntries([...file.tensors.keys()].map((name) => [name, file.bytes(name)]));
		file.close();
		change(tensors);
		writeSafetensors(join(folder, WEIGHTS_FILE), tensors);
	}

	const floats = (shape: number[], value = 0): TensorData => {
		const values = new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(value);
		return { dtype: "F32", shape, data: new Uint8Array(values.buffer) };
	};
	const rename = (tensors: Tensors, from: string, to: string) => {
		tensors[to] = tensors[from]!;
		delete tensors[from];
	};

	function onlyPooler(tensors: Tensors): void {
		for (const key of Object.keys(tensors)) delete tensors[key];
		for (const side of ["A", "B"]) tensors[`base_model.model.pooler.dense.lora_${side}.weight`] = floats([2, 2]);
	}

	it.each<[string, (tensors: Tensors) => void, RegExp]>([
		["a lone lora_A", (t) => delete t[B], /output\.dense has only lora_A/],
		["a lone lora_B", (t) => delete t[A], /output\.dense has only lora_B/],
		["a tensor that is no factor", (t) => Object.assign(t, { "classifier.weight": floats([2]) }), /classifier\.weight is no LoRA factor/],
		["a DoRA magnitude", (t) => rename(t, A, A.replace("lora_A", "lora_magnitude_vector")), /lora_magnitude_vector/],
		["an embedding's factors", (t) => rename(t, A, A.replace("lora_A.weight", "lora_embedding_A")), /lora_embedding_A/],
		["another adapter's name", (t) => rename(t, A, A.replace("lora_A", "lora_A.other")), /lora_A\.other/],
		["one factor twice", (t) => Object.assign(t, { [A.replace("lora_A", "lora_A.default")]: t[A] }), /both lora_A/],
		["another rank than the configuration's", (t) => Object.assign(t, { [A]: floats([3, 4]) }), /\[3,4\].*rank 2/],
		["a rank that differs between A and B", (t) => Object.assign(t, { [B]: floats([4, 1]) }), /\[4,1\].*rank 2/],
		["a factor of three axes", (t) => Object.assign(t, { [A]: floats([2, 4, 1]) }), /rank 2/],
		["integers", (t) => Object.assign(t, { [A]: { dtype: "I8", shape: [2, 4], data: new Uint8Array(8) } }), /dtype I8, allowed: F32/],
		["NaN", (t) => Object.assign(t, { [A]: floats([2, 4], Number.NaN) }), /not finite/],
		["infinity", (t) => Object.assign(t, { [B]: floats([4, 2], Number.POSITIVE_INFINITY) }), /not finite/],
		["only BERT's pooler", (t) => onlyPooler(t), /no LoRA factors/],
	])("is refused with %s", (_, change, message) => {
		withTensors(change);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal(message));
	});

	it("may name the default adapter, lack PEFT's prefix, hold half precision, and adapt BERT's pooler, which is left out", () => {
		withTensors((tensors) => {
			rename(tensors, A, A.replace("lora_A", "lora_A.default"));
			rename(tensors, B, B.replace("base_model.model.", ""));
			for (const side of ["A", "B"]) tensors[`base_model.model.pooler.dense.lora_${side}.weight`] = floats([2, 2]);
			tensors[A.replace("output.dense", "attention.self.query")] = {
				dtype: "F16",
				shape: [2, 4],
				data: new Uint8Array(Uint16Array.from({ length: 8 }, () => 0x3c00).buffer),
			};
		});
		const { modules } = readAdapter(folder, READ);
		expect(modules.map(({ path }) => path).sort()).toEqual([...BERT_LAYER].sort());
		expect([...modules.find(({ path }) => path.endsWith("query"))!.a]).toEqual(Array(8).fill(1));
	});

	it("is the only weights file that is read: pickled weights are refused by name", () => {
		writeSmallAdapter(folder);
		renameSync(join(folder, WEIGHTS_FILE), join(folder, "adapter_model.bin"));
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("adapter_model\\.bin\\) are never read"));
	});

	it("is refused when it was cut short, or is larger than any adapter", () => {
		writeSmallAdapter(folder);
		truncateSync(join(folder, WEIGHTS_FILE), 1000);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("no safetensors file|the file has"));
		truncateSync(join(folder, WEIGHTS_FILE), 2 ** 31);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("2147483648 bytes, allowed"));
	});

	it("is refused as a folder", () => {
		writeSmallAdapter(folder);
		rmSync(join(folder, WEIGHTS_FILE));
		mkdirSync(join(folder, WEIGHTS_FILE));
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("no regular file"));
	});
});

describe("manifest.json", () => {
	it("comes back as it was written, keys of later versions left out", () => {
		writeSmallAdapter(folder, { jobId: "job_1", verdict: "improved", metrics: { gain: 0.1 } });
		writeFileSync(join(folder, MANIFEST_FILE), JSON.stringify({ ...json(MANIFEST_FILE), later: true }));
		const { manifest, weightsHash } = readAdapter(folder, READ);
		expect(manifest).toMatchObject({ job_id: "job_1", verdict: "improved", metrics: { gain: 0.1 }, base_fingerprint: FINGERPRINT });
		expect(manifest?.weights_hash).toBe(weightsHash);
		expect(manifest).not.toHaveProperty("later");
	});

	it("must belong to the weights beside it", () => {
		writeSmallAdapter(folder, { seed: 1 });
		const stale = readFileSync(join(folder, MANIFEST_FILE));
		writeSmallAdapter(folder, { seed: 2 });
		writeFileSync(join(folder, MANIFEST_FILE), stale);
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("was written for"));
	});

	it("is refused, not passed over, when it cannot be understood", () => {
		writeSmallAdapter(folder);
		writeFileSync(join(folder, MANIFEST_FILE), JSON.stringify({ ...json(MANIFEST_FILE), format: 2 }));
		expect(() => readAdapter(folder, READ)).toThrowError(refusal("/format: .*; found 2"));
	});
});

describe("a written folder", () => {
	it("reads back bit for bit", () => {
		const modules = BERT_LAYER.map((path, seed) => factors(path, { seed }));
		writeSmallAdapter(folder, { modules });
		const adapter = readAdapter(folder, READ);
		expect(adapter.scale).toBe(2);
		for (const module of modules) expect(adapter.modules.find(({ path }) => path === module.path)).toEqual(module);
	});

	it("normalises in sentence-transformers only where the base does", () => {
		const types = () => (json("modules.json") as { type: string }[]).map(({ type }) => type.split(".").at(-1));
		writeSmallAdapter(folder);
		expect(types()).toEqual(["Transformer", "Pooling", "Normalize"]);
		const base = { ref: "tiny", fingerprint: FINGERPRINT, hiddenSize: 4, normalize: false, prompts: {} };
		writeSmallAdapter(folder, { base, pooling: "cls" });
		expect(types()).toEqual(["Transformer", "Pooling"]);
		expect(json("1_Pooling/config.json")).toMatchObject({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false });
	});

	it("has a model card whose front matter a hostile base name cannot leave", () => {
		const base = { ref: 'a"\n---\nlicense: x', fingerprint: FINGERPRINT, hiddenSize: 4, normalize: true, prompts: {} };
		writeSmallAdapter(folder, { base });
		const [, front] = readFileSync(join(folder, "README.md"), "utf8").split(/^---$/m);
		expect(front).toContain('base_model: "a\\"\\n---\\nlicense: x"');
		expect(front).not.toMatch(/^license/m);
	});
});

describe("target modules", () => {
	const select = (patterns: readonly string[], path: string) => patterns.some((each) => path === each || path.endsWith(`.${each}`));

	it("select our layers by their endings, as PEFT does, and not BERT's pooler", () => {
		const patterns = targetModules(BERT_LAYER.map((path) => factors(path)));
		expect(patterns).toEqual(["intermediate.dense", "key", "output.dense", "query", "value"]);
		expect(BERT_LAYER.every((path) => select(patterns, path))).toBe(true);
		expect(select(patterns, "pooler.dense")).toBe(false);
	});
});

describe("an adapter fits a base", () => {
	const layers = new Map(BERT_LAYER.map((path) => [path, { inFeatures: 4, outFeatures: 4 }]));
	const read = () => {
		writeSmallAdapter(folder);
		return readAdapter(folder, READ);
	};

	it("of the same fingerprint and layers", () => {
		expect(() => checkAdapterFits(read(), { fingerprint: FINGERPRINT, layers })).not.toThrow();
	});

	it("without a manifest if its layers fit", () => {
		cpSync(join(FIXTURES, "plain"), folder, { recursive: true });
		expect(existsSync(join(folder, MANIFEST_FILE))).toBe(false);
		const wide = new Map(BERT_LAYER.map((path) => [path, { inFeatures: 8, outFeatures: 8 }]));
		expect(() => checkAdapterFits(readAdapter(folder, READ), { fingerprint: FINGERPRINT, layers: wide })).not.toThrow();
	});

	it.each<[string, string, ReadonlyMap<string, { inFeatures: number; outFeatures: number }>, RegExp]>([
		["another fingerprint", "sha256:other", layers, /made for base sha256:abab.*, this service holds sha256:other/],
		["fewer layers", FINGERPRINT, new Map([...layers].slice(1)), /no layer encoder\.layer\.0\.attention\.self\.query/],
		[
			"another width",
			FINGERPRINT,
			new Map([...layers].map(([path]) => [path, { inFeatures: 4, outFeatures: 8 }])),
			/4 → 4, the base's 4 → 8/,
		],
	])("but not one of %s", (_, fingerprint, otherLayers, message) => {
		expect(() => checkAdapterFits(read(), { fingerprint, layers: otherLayers })).toThrowError(refusal(message));
	});
});
