/** Reverse mode: walks the nodes backwards from the loss and lets each op's rule (vjp.ts) emit its part. */
import { assert } from "../errors/index.js";
import { add, type Graph, type Node, type OpName, type Value } from "../graph/index.js";
import { recomputing } from "./recompute.js";
import { VJP_RULES, type VjpRule } from "./vjp.js";

/** Values that depend on one of `parameters`. */
function dependents(graph: Graph, parameters: readonly Value[]): Set<Value> {
	const reached = new Set(parameters);
	for (const node of graph.nodes) {
		if (node.inputs.some((input) => reached.has(input))) for (const output of node.outputs) reached.add(output);
	}
	return reached;
}

/**
 * Emits the gradient of a scalar loss by each parameter into the loss's graph.
 * @returns one value a parameter, of its shape
 * @throws (assertion) if the loss does not depend on a parameter, or an op on the way is not differentiated
 */
export function gradients(loss: Value, parameters: readonly Value[]): Value[] {
	assert(loss.rank === 0, `the loss has shape [${loss.shape.join(",")}], it must be a scalar`);
	const graph = loss.graph;
	const wanted = dependents(graph, parameters);
	const found = new Map<Value, Value>([[loss, graph.scalar(1)]]);
	const seen = recomputing(graph);
	for (const node of graph.nodes.toReversed()) backward(node, seen, wanted, found);
	return parameters.map((parameter) => {
		const gradient = found.get(parameter);
		assert(gradient, `the loss does not depend on ${parameter.name}`);
		return gradient;
	});
}

/** Adds one node's part to the gradients of its inputs. */
function backward(node: Node, seen: (node: Node) => Node, wanted: ReadonlySet<Value>, found: Map<Value, Value>): void {
	const [y] = node.outputs;
	const dy = found.get(y!);
	const wants = node.inputs.map((input) => wanted.has(input));
	if (!dy || !wants.includes(true)) return;
	const rule = VJP_RULES[node.op] as VjpRule<OpName>;
	const again = seen(node);
	const parts = rule(dy, { node: again, inputs: again.inputs, y: again.outputs[0]!, wanted: wants });
	node.inputs.forEach((input, i) => {
		const part = parts[i];
		if (!wants[i] || !part) return;
		const before = found.get(input);
		found.set(input, before ? add(before, part) : part);
	});
}
