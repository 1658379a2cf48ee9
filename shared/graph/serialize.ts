import { create, toBinary } from "@bufbuild/protobuf";
import { GraphProtoSchema, type ModelProto, ModelProtoSchema, type ValueInfoProto } from "../gen/onnx/onnx_pb.js";
import { Emitter, valueInfo } from "./emit.js";
import type { Graph, Node, Value } from "./graph.js";
import { OPS } from "./ops.js";
import { byDepth } from "./order.js";

const IR_VERSION = 10;
const OPSET = 20;

/** Nodes that some output depends on, in order. */
function liveNodes(graph: Graph): Node[] {
	const live = new Set(graph.outputs.map(({ value }) => value));
	const kept = graph.nodes.toReversed().filter((node) => {
		if (!node.outputs.some((output) => live.has(output))) return false;
		for (const input of node.inputs) live.add(input);
		return true;
	});
	return kept.reverse();
}

/** Writes the graph's constants and the nodes that some output needs, under the names of its values. */
export function emitGraph(graph: Graph, emitter: Emitter): void {
	const nodes = byDepth(liveNodes(graph));
	const used = new Set([...nodes.flatMap((node) => node.inputs), ...graph.outputs.map(({ value }) => value)]);
	for (const { value, data } of graph.constants) {
		if (used.has(value)) emitter.tensor(value.name, value.dtype, value.shape as number[], data);
	}
	for (const node of nodes) (OPS[node.op].emit as (node: Node, emitter: Emitter) => void)(node, emitter);
}

/** What an emitter has collected as an ONNX model. */
function modelOf(name: string, emitter: Emitter, input: ValueInfoProto[], output: ValueInfoProto[]): ModelProto {
	const domains = [...emitter.domains].filter((domain) => domain !== "");
	return create(ModelProtoSchema, {
		irVersion: BigInt(IR_VERSION),
		producerName: "domain-adapter-kit",
		opsetImport: [{ domain: "", version: BigInt(OPSET) }, ...domains.map((domain) => ({ domain, version: 1n }))],
		graph: create(GraphProtoSchema, { name, node: emitter.nodes, initializer: emitter.initializers, input, output }),
	});
}

/** The same as bytes. */
export function modelBytes(name: string, emitter: Emitter, input: ValueInfoProto[], output: ValueInfoProto[]): Uint8Array {
	return toBinary(ModelProtoSchema, modelOf(name, emitter, input, output));
}

/**
 * The graph as an ONNX model's bytes. Nodes that no output needs are left out; inputs stay, needed or not, since the
 * caller feeds them by name.
 */
export function serializeGraph(graph: Graph): Uint8Array {
	return toBinary(ModelProtoSchema, graphModel(graph));
}

/** The same as a message. @param inputs those of the graph's inputs that it declares */
export function graphModel(graph: Graph, inputs: readonly Value[] = graph.inputs): ModelProto {
	const emitter = new Emitter((hint) => graph.fresh(hint));
	emitGraph(graph, emitter);
	for (const { name, value } of graph.outputs) emitter.node("Identity", [value.name], { outputs: [name] });
	return modelOf(
		graph.name,
		emitter,
		inputs.map((value) => valueInfo(value.name, value.dtype, value.shape)),
		graph.outputs.map(({ name, value }) => valueInfo(name, value.dtype, value.shape)),
	);
}
