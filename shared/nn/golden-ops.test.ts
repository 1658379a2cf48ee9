/** Values and gradients of the functions that models are made of, against PyTorch's (tests/fixtures/golden/ops.json). */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { gradients } from "../autodiff/index.js";
import {
	add,
	erf,
	exp,
	Graph,
	gelu,
	layerNorm,
	linear,
	log,
	matmul,
	mul,
	reduceSum,
	reshape,
	serializeGraph,
	softmax,
	type Value,
	vocabularyCrossEntropy,
} from "../graph/index.js";
import { chooseDevice, float32, int64, Session, type Tensor } from "../runtime/index.js";
import { loraLinear } from "./layers.js";
import { anchorLoss, contrastiveLoss, unitRows } from "./losses.js";

interface Numbers {
	readonly shape: readonly number[];
	readonly values: readonly number[];
}

interface Case {
	readonly name: string;
	readonly inputs: Readonly<Record<string, Numbers>>;
	readonly constants: Readonly<Record<string, Numbers | number>>;
	readonly output: Numbers;
	readonly cotangent: Numbers;
	readonly gradients: Readonly<Record<string, Numbers>>;
}

type Values = Readonly<Record<string, Value>>;

const attention = ({ q, k, v, mask }: Values) => matmul(softmax(add(matmul(q!, k!, { transB: true, alpha: 1 / Math.sqrt(3) }), mask!)), v!);
const norm =
	(epsilon: number) =>
	({ x, weight, bias }: Values) =>
		layerNorm(x!, weight!, bias!, epsilon);

/**
 * Our form of a case; operands have the fixture's names. Cases without one (mean_pool, cross_entropy, embedding) the engine
 * writes otherwise: as products with fed matrices, over a vocabulary, and frozen.
 */
const FORMS: Readonly<Record<string, (values: Values) => Value>> = {
	softmax: ({ x }) => softmax(x!),
	"softmax of large scores": ({ x }) => softmax(x!),
	log_sum_exp: ({ x }) => log(reduceSum(exp(x!), [-1])),
	layer_norm: norm(1e-12),
	"layer_norm with epsilon 1e-5": norm(1e-5),
	gelu: ({ x }) => gelu(x!),
	erf: ({ x }) => erf(x!),
	linear: ({ x, weight, bias }) => linear(x!, weight!, bias!),
	lora_linear: ({ x, weight, bias, lora_A, lora_B }) => loraLinear(x!, linear(x!, weight!), bias!, { a: lora_A!, b: lora_B!, scale: 2 }),
	vocabulary_cross_entropy: ({ hidden, table, bias, labels }) => vocabularyCrossEntropy(hidden!, table!, labels!, bias!, 3),
	cosine_similarity_matrix: ({ a, b }) => matmul(unitRows(a!), unitRows(b!), { transB: true }),
	l2_normalize: ({ x }) => unitRows(x!),
	attention: ({ mask, ...rest }) => attention({ ...rest, mask: reshape(mask!, [2, 1, 1, 4]) }),
	"causal attention": attention,
	"broadcast matmul": ({ a, b }) => matmul(a!, b!),
	contrastive_loss: ({ noisy, clean }) => contrastiveLoss(noisy!, clean!),
	anchor_loss: ({ clean, base }) => anchorLoss(clean!, base!, clean!.graph.scalar(1 / 12)),
};

/** Operands that the engine never trains. */
const FROZEN: Readonly<Record<string, readonly string[]>> = { vocabulary_cross_entropy: ["table", "bias"] };

const file = new URL("../../tests/fixtures/golden/ops.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: readonly Case[] };

function feed(name: string, { shape, values }: Numbers): Tensor {
	return name === "labels" ? int64(BigInt64Array.from(values, BigInt), shape) : float32(Float32Array.from(values), shape);
}

/** Outputs of a case: `value`, and `grad.<operand>` of each operand that is differentiated. */
async function run({ name, inputs, constants, output, cotangent }: Case) {
	const arrays = Object.entries({ ...inputs, ...constants }).filter((entry): entry is [string, Numbers] => typeof entry[1] !== "number");
	const graph = new Graph("case");
	const values = Object.fromEntries(arrays.map(([at, x]) => [at, graph.input(at, at === "labels" ? "int64" : "float32", x.shape)]));
	const value = FORMS[name]!(values);
	const axes = output.shape.map((_, i) => i);
	const scalar = axes.length === 0 ? value : reduceSum(mul(value, graph.input("cotangent", "float32", output.shape)), axes);
	const trained = Object.keys(inputs).filter((at) => !FROZEN[name]?.includes(at));
	const results = gradients(
		scalar,
		trained.map((at) => values[at]!),
	);
	graph.output("value", value);
	for (const [i, at] of trained.entries()) graph.output(`grad.${at}`, results[i]!);
	const session = await Session.create(serializeGraph(graph), { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
	try {
		const feeds = Object.fromEntries(arrays.map(([at, x]) => [at, feed(at, x)]));
		return { trained, outputs: await session.run(axes.length === 0 ? feeds : { ...feeds, cotangent: feed("cotangent", cotangent) }) };
	} finally {
		await session.dispose();
	}
}

/** Within 1e-5 of the largest element. */
function expectClose(found: Tensor, wanted: Numbers, what: string): void {
	expect(found.dims, `${what}: shape`).toEqual(wanted.shape);
	const largest = Math.max(...wanted.values.map(Math.abs), 1e-6);
	const gap = Math.max(...wanted.values.map((x, i) => Math.abs(x - Number(found.data[i])))) / largest;
	expect(gap, what).toBeLessThan(1e-5);
}

test.each(cases.filter(({ name }) => name in FORMS))("$name gives PyTorch's values and gradients", async (golden) => {
	const { trained, outputs } = await run(golden);
	expectClose(outputs.value!, golden.output, "value");
	for (const at of trained) expectClose(outputs[`grad.${at}`]!, golden.gradients[at]!, `gradient of ${at}`);
});

test("every form has its case", () => {
	expect(cases.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(FORMS)));
});
