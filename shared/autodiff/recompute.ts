/**
 * Gradient checkpointing: where nodes were marked (`Graph.checkpoint`), the backward pass works on a second copy of them,
 * computed from what enters the marked range. The first copy's values are then free as soon as the forward pass is through.
 * @source Chen et al. 2016, "Training deep nets with sublinear memory cost"
 */
import type { Graph, Node, Value } from "../graph/index.js";

/** Gives each node as the backward pass is to see it. Copies of a range are made when its last node is met. */
export function recomputing(graph: Graph): (node: Node) => Node {
	const ranges = graph.checkpointed.map(({ from, to }) => graph.nodes.slice(from, to));
	const rangeOf = new Map(ranges.flatMap((nodes) => nodes.map((node) => [node, nodes] as const)));
	const copies = new Map<Node, Node>();
	return (node) => {
		const range = rangeOf.get(node);
		if (!range) return node;
		if (!copies.has(node)) copyNodes(graph, range, copies);
		return copies.get(node)!;
	};
}

function copyNodes(graph: Graph, nodes: readonly Node[], copies: Map<Node, Node>): void {
	const copied = new Map<Value, Value>();
	for (const { op, inputs, attrs, outputs } of nodes) {
		const again = graph.apply(
			op,
			inputs.map((input) => copied.get(input) ?? input),
			attrs,
		);
		outputs.forEach((output, i) => {
			copied.set(output, again[i]!);
		});
	}
	nodes.forEach((node) => {
		copies.set(node, copied.get(node.outputs[0]!)!.node!);
	});
}
