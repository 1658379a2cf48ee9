/**
 * A computation as a list of nodes over typed values, in the order in which they were made (so always a topological one).
 * Nodes are ours (ops.ts has a row for each): an op says what it computes, and its row how ONNX writes it.
 */
import { assert } from "../errors/index.js";
import type { DType, DTypeArray } from "./dtype.js";
import { OPS, type OpAttrs, type OpName } from "./ops.js";
import { type Shape, showShape } from "./shape.js";

/** What a value is, without its name. */
export interface ValueType {
	readonly dtype: DType;
	readonly shape: Shape;
}

/** An edge of the graph. */
export class Value implements ValueType {
	/** The node that computes it; undefined for inputs and constants. */
	node: Node | undefined;

	constructor(
		readonly graph: Graph,
		readonly name: string,
		readonly dtype: DType,
		readonly shape: Shape,
	) {}

	get rank(): number {
		return this.shape.length;
	}
}

export interface Node<K extends OpName = OpName> {
	readonly op: K;
	readonly inputs: readonly Value[];
	readonly attrs: OpAttrs<K>;
	readonly outputs: readonly Value[];
}

export interface Constant {
	readonly value: Value;
	readonly data: ArrayBufferView;
}

export class Graph {
	readonly inputs: Value[] = [];
	readonly outputs: { readonly name: string; readonly value: Value }[] = [];
	readonly nodes: Node[] = [];
	readonly constants: Constant[] = [];
	/** What products with frozen, packed weights are computed in. Everything else is fp32. */
	frozenProducts: "float32" | "float16" = "float32";
	/** Ranges of nodes [from, to) whose values the backward pass computes anew rather than keeps. */
	readonly checkpointed: { readonly from: number; readonly to: number }[] = [];
	readonly #names = new Set<string>();
	readonly #scalars = new Map<number, Value>();

	constructor(readonly name: string) {}

	/** A value that each run is fed with. */
	input(name: string, dtype: DType, shape: Shape): Value {
		const value = new Value(this, this.#take(name), dtype, shape);
		this.inputs.push(value);
		return value;
	}

	/** A value that is part of the model. `data` is borrowed until the graph is serialised. */
	constant<D extends DType>(name: string, dtype: D, shape: readonly number[], data: DTypeArray[D]): Value {
		const size = shape.reduce((n, d) => n * d, 1);
		assert(data.length === size, `constant ${name} has ${data.length} elements, its shape ${showShape(shape)} needs ${size}`);
		const value = new Value(this, this.fresh(name), dtype, shape);
		this.constants.push({ value, data });
		return value;
	}

	/** A float32 scalar constant; the same number gives the same value. */
	scalar(number: number): Value {
		const known = this.#scalars.get(number);
		if (known) return known;
		const value = this.constant("scalar", "float32", [], Float32Array.of(number));
		this.#scalars.set(number, value);
		return value;
	}

	/** Adds a node; its outputs' types follow from the op's shape rule. */
	apply<K extends OpName>(op: K, inputs: readonly Value[], attrs: OpAttrs<K>): Value[] {
		for (const input of inputs) assert(input.graph === this, `${op}: input ${input.name} belongs to graph ${input.graph.name}`);
		const types = (OPS[op].infer as (inputs: readonly Value[], attrs: OpAttrs<K>) => ValueType[])(inputs, attrs);
		const outputs = types.map((type) => new Value(this, this.fresh(op), type.dtype, type.shape));
		const node = { op, inputs, attrs, outputs } as unknown as Node;
		for (const output of outputs) output.node = node;
		this.nodes.push(node);
		return outputs;
	}

	/** Marks the nodes that `build` adds: their values are not held until the backward pass, but computed there once more. */
	checkpoint<T>(build: () => T): T {
		const from = this.nodes.length;
		const result = build();
		this.checkpointed.push({ from, to: this.nodes.length });
		return result;
	}

	/** Makes a value a result of each run, under a name of its own. */
	output(name: string, value: Value): void {
		this.#take(name);
		this.outputs.push({ name, value });
	}

	/** A name not used yet. */
	fresh(hint: string): string {
		let name = `${hint}_${this.#names.size}`;
		while (this.#names.has(name)) name += "_";
		return this.#take(name);
	}

	#take(name: string): string {
		assert(!this.#names.has(name), `two values of graph ${this.name} are called ${name}`);
		this.#names.add(name);
		return name;
	}
}
