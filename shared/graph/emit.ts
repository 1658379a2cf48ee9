/** Collects ONNX nodes while ops write themselves; subgraphs (a Loop's body) have an emitter of their own. */
import { create } from "@bufbuild/protobuf";
import {
	type AttributeProto,
	AttributeProtoSchema,
	AttributeProto_AttributeType as AttributeType,
	type GraphProto,
	GraphProtoSchema,
	type NodeProto,
	NodeProtoSchema,
	type TensorProto,
	TensorProtoSchema,
	type ValueInfoProto,
	ValueInfoProtoSchema,
} from "../gen/onnx/onnx_pb.js";
import { type DType, type DTypeArray, ONNX_TYPE } from "./dtype.js";
import type { Dim, Shape } from "./shape.js";

export type OnnxAttribute = number | { readonly float: number } | readonly number[] | string | GraphProto;

export interface NodeOptions {
	readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
	readonly domain?: string;
	/** Names of the outputs; one fresh name where absent. */
	readonly outputs?: readonly string[];
}

function attribute(name: string, value: OnnxAttribute): AttributeProto {
	if (typeof value === "number") return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
	if (typeof value === "string")
		return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
	if (Array.isArray(value)) return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
	if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
	return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value as GraphProto });
}

/** A value's declaration; letters become ONNX's named dimensions. */
export function valueInfo(name: string, dtype: DType, shape: Shape): ValueInfoProto {
	const dim = (d: Dim) =>
		typeof d === "number" ? { value: { case: "dimValue" as const, value: BigInt(d) } } : { value: { case: "dimParam" as const, value: d } };
	return create(ValueInfoProtoSchema, {
		name,
		type: { value: { case: "tensorType", value: { elemType: ONNX_TYPE[dtype], shape: { dim: shape.map(dim) } } } },
	});
}

export class Emitter {
	readonly nodes: NodeProto[] = [];
	readonly initializers: TensorProto[] = [];
	readonly domains = new Set<string>();
	readonly #known = new Map<string, string>();

	constructor(readonly fresh: (hint: string) => string) {}

	/** Adds a node and returns the name of its first output. */
	node(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
		const outputs = options.outputs ?? [this.fresh(opType)];
		const attributes = Object.entries(options.attributes ?? {}).map(([name, value]) => attribute(name, value));
		const domain = options.domain ?? "";
		this.domains.add(domain);
		this.nodes.push(
			create(NodeProtoSchema, { opType, domain, name: outputs[0]!, input: [...inputs], output: [...outputs], attribute: attributes }),
		);
		return outputs[0]!;
	}

	/** Adds a constant under a given name. `data` is viewed, not copied. */
	tensor<D extends DType>(name: string, dtype: D, shape: readonly number[], data: ArrayBufferView): void {
		const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
		this.initializers.push(create(TensorProtoSchema, { name, dataType: ONNX_TYPE[dtype], dims: shape.map(BigInt), rawData }));
	}

	/** A small constant; equal ones are one. */
	constant<D extends DType>(dtype: D, shape: readonly number[], data: DTypeArray[D]): string {
		const key = `${dtype}|${shape}|${data}`;
		const known = this.#known.get(key);
		if (known) return known;
		const name = this.fresh("const");
		this.tensor(name, dtype, shape, data);
		this.#known.set(key, name);
		return name;
	}

	/** A large constant that several nodes use; made once. */
	shared<D extends DType>(name: string, dtype: D, shape: readonly number[], make: () => DTypeArray[D]): string {
		const known = this.#known.get(name);
		if (known) return known;
		const unique = this.fresh(name);
		this.tensor(unique, dtype, shape, make());
		this.#known.set(name, unique);
		return unique;
	}

	int64s(values: readonly number[]): string {
		return this.constant("int64", [values.length], BigInt64Array.from(values, BigInt));
	}

	float(value: number): string {
		return this.constant("float32", [], Float32Array.of(value));
	}

	/** A subgraph that sees this graph's names. */
	subgraph(name: string, inputs: readonly ValueInfoProto[], build: (body: Emitter) => readonly ValueInfoProto[]): GraphProto {
		const body = new Emitter(this.fresh);
		const outputs = build(body);
		for (const domain of body.domains) this.domains.add(domain);
		return create(GraphProtoSchema, { name, node: body.nodes, initializer: body.initializers, input: [...inputs], output: [...outputs] });
	}
}
