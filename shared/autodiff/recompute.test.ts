import { expect, test } from "vitest";
import { add, exp, Graph, layerNorm, matmul, mul, reduceSum, serializeGraph, tanh, type Value } from "../graph/index.js";
import { chooseDevice, float32, Session } from "../runtime/index.js";
import { gradients } from "./index.js";

const WIDTH = 4;
const LAYERS = 3;
const numbers = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + seed));

/** A small stack with a residual; the weight is used in every layer, so that its gradient is a sum over copies. */
function stack(checkpointed: boolean): Graph {
	const graph = new Graph("stack");
	const weight = graph.input("weight", "float32", [WIDTH, WIDTH]);
	const scale = graph.input("scale", "float32", [WIDTH]);
	const layer = (x: Value) => add(x, layerNorm(tanh(matmul(x, weight)), scale, mul(scale, 0.1), 1e-5));
	let x = exp(mul(graph.input("x", "float32", ["T", WIDTH]), 0.3));
	for (let i = 0; i < LAYERS; i++) {
		const before = x;
		x = checkpointed ? graph.checkpoint(() => layer(before)) : layer(before);
	}
	const loss = reduceSum(mul(x, x), [0, 1]);
	graph.output("loss", loss);
	gradients(loss, [weight, scale]).forEach((gradient, i) => {
		graph.output(`gradient.${i}`, gradient);
	});
	return graph;
}

async function run(checkpointed: boolean) {
	const session = await Session.create(serializeGraph(stack(checkpointed)), { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
	const outputs = await session.run({
		x: float32(numbers(3 * WIDTH, 1), [3, WIDTH]),
		weight: float32(numbers(WIDTH * WIDTH, 2), [WIDTH, WIDTH]),
		scale: float32(numbers(WIDTH, 3), [WIDTH]),
	});
	await session.dispose();
	return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...(data as Float32Array)]]));
}

test("checkpointed layers give the same loss and gradients, bit by bit", async () => {
	expect(await run(true)).toEqual(await run(false));
});

test("a checkpointed node is there twice, and what it computed first is used by the forward pass alone", () => {
	const graph = stack(true);
	const { from, to } = graph.checkpointed[0]!;
	const passedOn = graph.nodes[to - 1]!.outputs[0];
	const inside = new Set(graph.nodes.slice(from, to).flatMap(({ outputs }) => outputs.filter((value) => value !== passedOn)));
	const afterwards = graph.nodes.slice(graph.checkpointed.at(-1)!.to);
	expect(afterwards.filter(({ inputs }) => inputs.some((input) => inside.has(input)))).toEqual([]);
	expect(graph.nodes.filter(({ op }) => op === "tanh")).toHaveLength(2 * LAYERS);
});
