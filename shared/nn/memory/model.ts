/** An ONNX graph as the planner reads it: nodes in the file's order, constants by name. */
import {
	type AttributeProto,
	type GraphProto,
	type NodeProto,
	TensorProto_DataType as Onnx,
	type TensorProto,
} from "../../gen/onnx/onnx_pb.js";
import { fixed, type TensorSpec } from "./spec.js";

/** Constants of at most so many elements are read: shapes and axes are, tables are not. */
const READABLE = 64;

function integers({ rawData, dataType, dims }: TensorProto): number[] | undefined {
	const size = dims.reduce((n, d) => n * Number(d), 1);
	if (dataType !== Onnx.INT64 || size > READABLE) return undefined;
	const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
	return Array.from({ length: size }, (_, i) => Number(view.getBigInt64(i * 8, true)));
}

export const constantSpec = (tensor: TensorProto): TensorSpec => ({
	dtype: tensor.dataType,
	dims: tensor.dims.map((d) => fixed(Number(d))),
	values: integers(tensor),
});

/** A node's attributes by name, with what a missing one stands for. */
export class Attributes {
	readonly #byName: ReadonlyMap<string, AttributeProto>;

	constructor(node: NodeProto) {
		this.#byName = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
	}

	int(name: string, fallback: number): number {
		const found = this.#byName.get(name);
		return found ? Number(found.i) : fallback;
	}

	ints(name: string): number[] | undefined {
		return this.#byName.get(name)?.ints.map(Number);
	}

	graph(name: string): GraphProto | undefined {
		return this.#byName.get(name)?.g;
	}
}

/** Names that a node's subgraphs take from the graph around it. */
function outerNames(node: NodeProto): string[] {
	return node.attribute.flatMap(({ g }) => {
		if (!g) return [];
		const own = new Set([...g.input.map(({ name }) => name), ...g.initializer.map(({ name }) => name), ...g.node.flatMap((n) => n.output)]);
		return g.node.flatMap(readNames).filter((name) => !own.has(name));
	});
}

/** Every value that a node reads, its subgraphs' included. */
export const readNames = (node: NodeProto): string[] => [...node.input, ...outerNames(node)].filter((name) => name !== "");

/**
 * The nodes that ONNX Runtime keeps: where an Identity only names a value that nothing else reads, that value gets the output's
 * name and the node goes.
 */
export function keptNodes(graph: GraphProto): NodeProto[] {
	const outputs = new Set(graph.output.map(({ name }) => name));
	const made = new Set(graph.node.flatMap(({ output }) => output));
	const reads = new Map<string, number>();
	for (const name of graph.node.flatMap(readNames)) reads.set(name, (reads.get(name) ?? 0) + 1);
	const renamed = new Map<string, string>();
	const kept = graph.node.filter(({ opType, input: [from], output: [to] }) => {
		const goes = opType === "Identity" && outputs.has(to!) && made.has(from!) && reads.get(from!) === 1 && !outputs.has(from!);
		if (goes) renamed.set(from!, to!);
		return !goes;
	});
	return kept.map((node) => ({ ...node, output: node.output.map((name) => renamed.get(name) ?? name) }));
}

/**
 * The order in which ONNX Runtime runs nodes: depth first from the last node that nothing reads, a node's latest input first. It
 * decides how long values live, so an estimate in the file's order would be another graph's.
 * @source onnxruntime's GraphViewer (default execution order)
 */
export function executionOrder(nodes: readonly NodeProto[]): NodeProto[] {
	const maker = new Map<string, number>();
	nodes.forEach((node, i) => {
		for (const name of node.output) if (name !== "") maker.set(name, i);
	});
	const before = nodes.map((node) => [...new Set(readNames(node).flatMap((name) => maker.get(name) ?? []))].sort((a, b) => a - b));
	const isRead = new Set(before.flat());
	const stack = nodes.flatMap((_, i) => (isRead.has(i) ? [] : [{ at: i, leave: false }]));
	const seen = new Uint8Array(nodes.length);
	const order: NodeProto[] = [];
	for (let entry = stack.pop(); entry; entry = stack.pop()) {
		const { at, leave } = entry;
		if (leave) order.push(nodes[at]!);
		else if (seen[at] === 0) {
			seen[at] = 1;
			stack.push({ at, leave: true });
			for (const i of before[at]!) if (seen[i] === 0) stack.push({ at: i, leave: false });
		}
	}
	return order;
}
