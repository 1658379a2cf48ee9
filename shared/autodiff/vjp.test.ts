import { describe, expect, test } from "vitest";
import { add, exp, Graph, mul, reduceSum } from "../graph/index.js";
import { chooseDevice } from "../runtime/index.js";
import { gradients } from "./index.js";
import { OP_CASES, type OpCase } from "./testing/op-cases.js";
import { RunningCase, sizesOf } from "./testing/run-case.js";

async function check(one: OpCase): Promise<void> {
	const running = await RunningCase.create(one, { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
	const results = await running.run();
	const step = 1e-2;
	for (const [i, values] of running.operands.entries()) {
		const found = results[`g${i}`]!;
		expect(found.dims).toEqual(sizesOf(one.shapes[i]!));
		for (let j = 0; j < values.length; j++) {
			const at = values[j]!;
			values[j] = at + step;
			const above = await running.loss();
			values[j] = at - step;
			const below = await running.loss();
			values[j] = at;
			expect(found.data[j], `d loss / d x${i}[${j}]`).toBeCloseTo((above - below) / (2 * step), 2);
		}
	}
	await running.dispose();
}

describe("every derivative rule equals finite differences", () => {
	for (const [op, cases] of Object.entries(OP_CASES)) {
		for (const [i, one] of cases.entries()) if (!one.frozen) test(`${op}, case ${i + 1}`, () => check(one));
	}
});

test("a parameter that is used twice gets the sum of both gradients", () =>
	check({ shapes: [["T", 3]], build: (x) => mul(add(x, mul(x, x)), exp(x)) }));

test("the gradient of a value that the loss does not depend on is refused", () => {
	const graph = new Graph("apart");
	const [a, b] = [graph.input("a", "float32", [2]), graph.input("b", "float32", [2])];
	expect(() => gradients(reduceSum(a, [0]), [b])).toThrow("does not depend on b");
});

test("a frozen op refuses to be differentiated", () => {
	const graph = new Graph("frozen");
	const x = graph.input("x", "float32", [2, 3]);
	const y = graph.apply("concat", [x, x], { axis: 0 })[0]!;
	expect(() => gradients(reduceSum(y, [0, 1]), [x])).toThrow("concat is not differentiated");
});
