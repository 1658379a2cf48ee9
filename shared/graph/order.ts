/**
 * The order in which nodes stand in the file decides when ONNX Runtime runs them: it walks back from the outputs, and where
 * a node has several inputs, visits the one that stands last in the file first. In the order in which autodiff makes nodes,
 * all that a backward pass needs besides gradients (unpacked weights, derivatives of activations) would be computed ahead of
 * it and held at once. Sorted by depth (the longest way from the graph's inputs), the gradient comes first, being deeper,
 * and what it meets is computed at the last moment, used, and freed.
 */
import type { Node, Value } from "./graph.js";

/** Nodes by depth, each still after those that it needs. */
export function byDepth(nodes: readonly Node[]): Node[] {
	const depths = new Map<Node, number>();
	const made = new Map<Value, number>();
	for (const node of nodes) {
		const depth = 1 + node.inputs.reduce((deepest, input) => Math.max(deepest, made.get(input) ?? 0), 0);
		depths.set(node, depth);
		for (const output of node.outputs) made.set(output, depth);
	}
	return nodes.toSorted((a, b) => depths.get(a)! - depths.get(b)!);
}
