/**
 * How much memory a graph's values take while it runs, found without running it: walks the nodes in ONNX Runtime's order and gives
 * buffers out and back by its rules (views, writing in place, a freed buffer of the same size used again), for sessions without
 * arena and memory pattern, where each buffer is an allocation of its own. Inputs and constants are the caller's and are not counted.
 * @source onnxruntime's sequential allocation planner; compared with measured peaks by `npm run bench -- estimate`
 */
import type { GraphProto, NodeProto } from "../../gen/onnx/onnx_pb.js";
import { costOf, type NodeCost, workspaceBytes } from "./cost.js";
import { Attributes, constantSpec, executionOrder, keptNodes, readNames } from "./model.js";
import { inferOutputs } from "./shapes.js";
import { bytesOf, inputSpec, sameSize, type TensorSpec, UNNAMED } from "./spec.js";

export interface GraphPlan {
	/** Most bytes that values take at once. */
	readonly peakBytes: number;
	/** The operator during which that is. */
	readonly peakAt: string;
	/** Bytes of the graph's outputs. */
	readonly outputBytes: number;
	/** Most bytes that the bodies of its loops take beside the values around them. */
	readonly loopBytes: number;
	readonly cost: NodeCost;
	/** Operators whose outputs had to be guessed. */
	readonly unknownOperators: readonly string[];
}

/** Operators whose output is a view of their first input. */
const VIEWS: readonly string[] = ["Reshape", "Identity", "Unsqueeze", "Squeeze", "Flatten"];
/** Operators that may write over an input of the same size that nothing reads later, and which inputs. */
const IN_PLACE: Readonly<Record<string, readonly number[]>> = {
	...Object.fromEntries(["Add", "Sub", "Mul", "Div", "Max", "Min"].map((name) => [name, [0, 1]])),
	...Object.fromEntries(
		["Neg", "Exp", "Log", "Sqrt", "Tanh", "Softmax", "Cast", "Abs", "Sigmoid", "Reciprocal", "Clip", "Relu"].map((name) => [name, [0]]),
	),
};

/** One allocation and the nodes between which it lives. */
interface Buffer {
	readonly spec: TensorSpec;
	readonly born: number;
	dies: number;
	/** Reads that are still to come. */
	uses: number;
}

class Planner {
	readonly #specs: Map<string, TensorSpec>;
	readonly #buffers = new Map<string, Buffer>();
	readonly #all: Buffer[] = [];
	/** Buffers that nothing reads any more, the latest first. */
	readonly #free: Buffer[] = [];
	/** Outputs are handed to the caller: each has a buffer of its own. */
	readonly #outputNames: ReadonlySet<string>;
	readonly #bodies: number[] = [];
	readonly #unknown = new Set<string>();
	#cost: NodeCost = { flops: 0, bytes: 0, nodes: 0 };

	constructor(
		private readonly graph: GraphProto,
		around: ReadonlyMap<string, TensorSpec>,
	) {
		this.#specs = new Map(around);
		this.#outputNames = new Set(graph.output.map(({ name }) => name));
		for (const tensor of graph.initializer) this.#specs.set(tensor.name, constantSpec(tensor));
	}

	run(): GraphPlan {
		const order = executionOrder(keptNodes(this.graph));
		const reads = this.#countReads(order);
		for (const [i, node] of order.entries()) this.#node(node, i, reads);
		for (const { name } of this.graph.output) {
			const buffer = this.#buffers.get(name);
			if (buffer) buffer.dies = order.length;
		}
		return this.#summary(order);
	}

	/** Reads of each value; a graph's output is read once more, by its caller, so that it never comes free. */
	#countReads(order: readonly NodeProto[]): Map<string, number> {
		const reads = new Map<string, number>();
		const names = [...order.flatMap(readNames), ...this.graph.output.map(({ name }) => name)];
		for (const name of names) reads.set(name, (reads.get(name) ?? 0) + 1);
		return reads;
	}

	#node(node: NodeProto, i: number, reads: ReadonlyMap<string, number>): void {
		const outputs = this.#outputs(node, i);
		node.output.forEach((name, k) => {
			if (name === "") return;
			this.#specs.set(name, outputs[k]!);
			const buffer = this.#outputNames.has(name) ? this.#allocate(outputs[k]!, i) : this.#buffer(node, outputs[k]!, i, k === 0);
			buffer.uses += reads.get(name) ?? 0;
			this.#buffers.set(name, buffer);
		});
		for (const name of readNames(node)) this.#read(name, i);
		for (const name of node.output) {
			const buffer = this.#buffers.get(name);
			if (buffer && buffer.uses === 0 && buffer.born === i) this.#free.unshift(buffer);
		}
	}

	/** A value's last reader gives its buffer back. */
	#read(name: string, i: number): void {
		const buffer = this.#buffers.get(name);
		if (!buffer) return;
		buffer.dies = Math.max(buffer.dies, i);
		if (--buffer.uses === 0) this.#free.unshift(buffer);
	}

	#outputs(node: NodeProto, i: number): readonly TensorSpec[] {
		const inputs = node.input.map((name) => this.#specs.get(name)!);
		const body = new Attributes(node).graph("body");
		if (node.opType === "Loop" && body) return this.#loop(node, body, inputs, i);
		const inferred = inferOutputs(node, inputs);
		const outputs = inferred ?? this.#guess(node, inputs);
		this.#add(costOf(node, inputs, outputs), 1);
		return outputs;
	}

	/** No rule: each output is taken for as large as the largest input. */
	#guess(node: NodeProto, inputs: readonly TensorSpec[]): TensorSpec[] {
		this.#unknown.add(node.opType);
		const largest = inputs.filter((spec) => spec !== undefined).reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a), inputs[0]!);
		return node.output.map(() => largest);
	}

	/** The body runs beside the state that the iteration before it left. */
	#loop(node: NodeProto, body: GraphProto, inputs: readonly TensorSpec[], i: number): TensorSpec[] {
		const state = inputs.slice(2);
		const around = new Map(this.#specs);
		body.input.forEach((input, k) => {
			around.set(input.name, k < 2 ? inputSpec(input, new Map()) : { ...state[k - 2]!, values: undefined });
		});
		const plan = new Planner(body, around).run();
		this.#bodies[i] = plan.peakBytes;
		for (const name of plan.unknownOperators) this.#unknown.add(name);
		this.#add(plan.cost, inputs[0]?.values?.[0] ?? 1);
		return node.output.map((_, k) => ({ ...state[k]!, dims: state[k]!.dims.map(({ size }) => ({ size, name: UNNAMED })) }));
	}

	#add({ flops, bytes, nodes }: NodeCost, times: number): void {
		const cost = this.#cost;
		this.#cost = { flops: cost.flops + times * flops, bytes: cost.bytes + times * bytes, nodes: cost.nodes + times * nodes };
	}

	#buffer(node: NodeProto, spec: TensorSpec, i: number, first: boolean): Buffer {
		const reused = first ? (this.#viewed(node) ?? this.#overwritten(node, spec)) : undefined;
		const found = reused ?? this.#freed(spec);
		if (found) {
			found.dies = Math.max(found.dies, i);
			return found;
		}
		return this.#allocate(spec, i);
	}

	#allocate(spec: TensorSpec, i: number): Buffer {
		const buffer = { spec, born: i, dies: i, uses: 0 };
		this.#all.push(buffer);
		return buffer;
	}

	#viewed(node: NodeProto): Buffer | undefined {
		return VIEWS.includes(node.opType) ? this.#buffers.get(node.input[0]!) : undefined;
	}

	#overwritten(node: NodeProto, spec: TensorSpec): Buffer | undefined {
		for (const k of IN_PLACE[node.opType] ?? []) {
			const name = node.input[k];
			const buffer = name === undefined ? undefined : this.#buffers.get(name);
			// The one read that is left is this node's own.
			if (buffer?.uses === 1 && sameSize(this.#specs.get(name!)!, spec)) return buffer;
		}
		return undefined;
	}

	#freed(spec: TensorSpec): Buffer | undefined {
		if (spec.dims.length === 0) return undefined;
		const at = this.#free.findIndex((buffer) => sameSize(buffer.spec, spec));
		return at < 0 ? undefined : this.#free.splice(at, 1)[0];
	}

	#summary(order: readonly NodeProto[]): GraphPlan {
		const change = new Float64Array(order.length + 2);
		for (const { spec, born, dies } of this.#all) {
			change[born]! += bytesOf(spec);
			change[dies + 1]! -= bytesOf(spec);
		}
		let [live, peakBytes, peakAt] = [0, 0, ""];
		order.forEach((node, i) => {
			live += change[i]!;
			const here = live + (this.#bodies[i] ?? workspaceBytes(node));
			if (here > peakBytes) [peakBytes, peakAt] = [here, `${node.opType} ${node.name}`];
		});
		const outputs = this.graph.output.map(({ name }) => this.#specs.get(name));
		return {
			peakBytes,
			peakAt,
			outputBytes: outputs.reduce((sum, spec) => sum + (spec ? bytesOf(spec) : 0), 0),
			loopBytes: Math.max(0, ...this.#bodies.filter((bytes) => bytes !== undefined)),
			cost: this.#cost,
			unknownOperators: [...this.#unknown],
		};
	}
}

/** Plans a graph whose inputs have these sizes by name. */
export function planGraph(graph: GraphProto, sizes: ReadonlyMap<string, number>): GraphPlan {
	return new Planner(graph, new Map(graph.input.map((input) => [input.name, inputSpec(input, sizes)]))).run();
}
