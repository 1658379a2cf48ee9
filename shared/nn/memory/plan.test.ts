import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ModelProtoSchema } from "../../gen/onnx/onnx_pb.js";
import { add, exp, Graph, matmul, mul, neg, reshape, serializeGraph, softmax } from "../../graph/index.js";
import { executionOrder, keptNodes } from "./model.js";
import { planGraph } from "./plan.js";

const KIB = 1024;

/** A graph over x [T,256], T = 1: one value of x's size is 1 KiB. */
function plan(build: (graph: Graph, x: ReturnType<Graph["input"]>) => void) {
	const graph = new Graph("test");
	build(graph, graph.input("x", "float32", ["T", 256]));
	const proto = fromBinary(ModelProtoSchema, serializeGraph(graph)).graph!;
	return planGraph(proto, new Map([["T", 1]]));
}

test("a value is freed after its last reader", () => {
	// exp(x) and -x live together, and beside them their sum: an output has a buffer of its own.
	const { peakBytes, outputBytes } = plan((graph, x) => graph.output("y", add(exp(x), neg(x))));
	expect(peakBytes).toBe(3 * KIB);
	expect(outputBytes).toBe(KIB);
});

test("a chain writes in place, and a view takes nothing", () => {
	const { peakBytes } = plan((graph, x) => graph.output("y", matmul(reshape(exp(neg(exp(neg(x)))), [0, 256]), x, { transB: true })));
	// One buffer for the whole chain, and a single number.
	expect(peakBytes).toBe(KIB + 4);
});

test("a value that is read again later is not written over", () => {
	const { peakBytes } = plan((graph, x) => {
		const a = exp(x);
		graph.output("y", mul(softmax(a), a));
	});
	expect(peakBytes).toBe(3 * KIB);
});

test("an operator without a rule is named, and taken for as large as its largest input", () => {
	const graph = new Graph("test");
	const x = graph.input("x", "float32", ["T", 256]);
	const [y] = graph.apply("onnx", [x], {
		opType: "Mystery",
		domain: "",
		attributes: {},
		outputs: [{ dtype: "float32", shape: ["T", 256] }],
	});
	graph.output("y", y!);
	const proto = fromBinary(ModelProtoSchema, serializeGraph(graph)).graph!;
	expect(planGraph(proto, new Map([["T", 2]]))).toMatchObject({ unknownOperators: ["Mystery"], outputBytes: 2 * KIB });
});

test("nodes run depth first from the last one that nothing reads", () => {
	const graph = new Graph("test");
	const x = graph.input("x", "float32", ["T", 4]);
	const first = exp(x);
	const second = neg(x);
	graph.output("a", first);
	graph.output("b", second);
	const proto = fromBinary(ModelProtoSchema, serializeGraph(graph)).graph!;
	expect(executionOrder(keptNodes(proto)).map(({ opType }) => opType)).toEqual(["Neg", "Exp"]);
});

test.runIf(process.platform === "linux")("a training step takes the memory that was planned", async () => {
	const script = fileURLToPath(new URL("../testing/measure-step.ts", import.meta.url));
	const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "--conditions", "@dak/source", script], {
		env: { ...process.env, MALLOC_MMAP_THRESHOLD_: "65536" },
	});
	const { planned, measured, unknown } = JSON.parse(stdout) as { planned: number; measured: number; unknown: string[] };
	expect(unknown).toEqual([]);
	expect(planned / measured).toBeGreaterThan(0.9);
	expect(planned / measured).toBeLessThan(1.1);
});
