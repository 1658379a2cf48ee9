/** Memory of a serialised graph and of what it is fed with, before any of it exists. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type ValueInfoProto } from "../../gen/onnx/onnx_pb.js";
import { type GraphPlan, planGraph } from "./plan.js";
import { bytesOf, inputSpec } from "./spec.js";

/** What a run feeds that changes from batch to batch; tensors, or only their shapes. */
export type BatchShapes = Readonly<Record<string, { readonly dims: readonly number[] }>>;

export interface GraphMemory extends GraphPlan {
	/** Bytes of each input by its name. */
	readonly inputBytes: ReadonlyMap<string, number>;
	/** Bytes of the graph's file: its constants, above all. */
	readonly modelBytes: number;
}

/** A decoded graph: planned for one batch after the other. */
export class MeasuredGraph {
	readonly #graph;

	/** @param model ONNX bytes, borrowed */
	constructor(private readonly model: Uint8Array) {
		this.#graph = fromBinary(ModelProtoSchema, model).graph!;
	}

	/** Plans a run. Named sizes are taken from the batch's shapes. */
	plan(batch: BatchShapes): GraphMemory {
		const sizes = new Map(this.#graph.input.flatMap((input) => namedSizes(input, batch[input.name]?.dims)));
		const inputBytes = new Map(this.#graph.input.map((input) => [input.name, bytesOf(inputSpec(input, sizes))]));
		return { ...planGraph(this.#graph, sizes), inputBytes, modelBytes: this.model.byteLength };
	}
}

/** The value of each size that an input's declaration has a name for. */
function namedSizes({ type }: ValueInfoProto, dims: readonly number[] | undefined): [string, number][] {
	const declared = type?.value.case === "tensorType" ? (type.value.value.shape?.dim ?? []) : [];
	return declared.flatMap(({ value }, i): [string, number][] =>
		value.case === "dimParam" && dims?.[i] !== undefined ? [[value.value, dims[i]]] : [],
	);
}
