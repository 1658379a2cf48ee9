/** Runs a case of op-cases.ts on a device: its value, its loss and the loss's gradients. */
import { Graph, mul, reduceSum, type Shape, serializeGraph, type Value } from "../../graph/index.js";
import { type Feeds, float32, int64, Session, type SessionOptions } from "../../runtime/index.js";
import { gradients } from "../index.js";
import { INDICES, type OpCase, pseudo, SIZES } from "./op-cases.js";

export const sizesOf = (shape: Shape): number[] => shape.map((d) => (typeof d === "number" ? d : SIZES[d]!));
const count = (shape: Shape): number => sizesOf(shape).reduce((n, d) => n * d, 1);

/** The scalar Σ w·y with fixed weights w, so that every element of y has a gradient of its own. */
function scalarOf(y: Value): Value {
	if (y.rank === 0) return y;
	const w = y.graph.input("weights", "float32", y.shape);
	return reduceSum(
		mul(y, w),
		y.shape.map((_, i) => i),
	);
}

/** A compiled case. Outputs: `y`, `loss`, and `g<i>`, the gradient of operand i, where the op is differentiated. */
export class RunningCase {
	private constructor(
		private readonly graph: Graph,
		private readonly session: Session,
		/** Values of the operands; change them to run elsewhere. */
		readonly operands: readonly Float32Array[],
		readonly shapes: readonly Shape[],
	) {}

	static async create({ shapes, build, positive, frozen }: OpCase, options: SessionOptions): Promise<RunningCase> {
		const graph = new Graph("case");
		const operands = shapes.map((shape, i) => graph.input(`x${i}`, "float32", shape));
		const y = build(...operands);
		const loss = scalarOf(y);
		graph.output("y", y);
		graph.output("loss", loss);
		for (const [i, gradient] of (frozen ? [] : gradients(loss, operands)).entries()) graph.output(`g${i}`, gradient);
		const session = await Session.create(serializeGraph(graph), options);
		const data = shapes.map((shape, i) => pseudo(count(shape), i).map((v) => (positive ? 1.5 + v : v)));
		return new RunningCase(graph, session, data, shapes);
	}

	run(fetches?: readonly string[]): ReturnType<Session["run"]> {
		return this.session.run(this.#feeds(), fetches);
	}

	async loss(): Promise<number> {
		return Number((await this.run(["loss"])).loss!.data[0]);
	}

	dispose(): Promise<void> {
		return this.session.dispose();
	}

	#feeds(): Feeds {
		const operands = this.shapes.map((shape, i) => [`x${i}`, float32(this.operands[i]!, sizesOf(shape))]);
		const others = this.graph.inputs.slice(operands.length).map(({ name, shape }) => {
			const index = INDICES[name];
			return [name, index ? int64(index.values, sizesOf(index.shape)) : float32(pseudo(count(shape), 3), sizesOf(shape))];
		});
		return Object.fromEntries([...operands, ...others]);
	}
}
