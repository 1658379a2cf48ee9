/**
 * What an architecture adds to attention's scores beside the mask that keeps texts apart. All of it depends on how far apart
 * two tokens are, and a text's tokens lie side by side in a row, so it is the same for every row: one [S,S] for a run.
 */
import { add, cast, type Graph, gather, mul, onnx, reshape, sub, transpose, type Value } from "../graph/index.js";
import { type EncoderConfig, layoutOf } from "../models/index.js";

/** Added to the score of a key that must not be seen: far below any score, and finite, so that no NaN can arise. */
export const HIDDEN = -1e9;

/** Distance from which on MPNet's buckets are all one; fixed in its code. */
const FARTHEST = 128;

const like = (x: Value, inputs: readonly Value[], opType: string, attributes = {}): Value =>
	onnx(inputs, { opType, domain: "", attributes, outputs: [{ dtype: x.dtype, shape: x.shape }] })[0]!;

export class AttentionBias {
	/** Key's column less the query's. @shape float32 [S,S] */
	readonly #offsets: Value;
	readonly #whole: Value | undefined;
	readonly #local: Value | undefined;

	/**
	 * @param rows any input of attention's rows: gives S. @shape int64 [R,S] or [R,1,S]
	 * @param table declares a frozen tensor
	 */
	constructor(
		private readonly config: EncoderConfig,
		rows: Value,
		table: (name: string, shape: readonly number[]) => Value,
	) {
		const { causal, localAttention, relativeBuckets } = config;
		this.#offsets = offsets(rows);
		const future = causal ? this.#beyond(this.#offsets, 0) : undefined;
		this.#whole = relativeBuckets === undefined ? future : this.#relative(table);
		if (localAttention) this.#local = plus(future, this.#beyond(like(this.#offsets, [this.#offsets], "Abs"), localAttention.reach));
	}

	/** Whether an architecture adds anything. */
	static isNeeded = ({ causal, localAttention, relativeBuckets }: EncoderConfig): boolean =>
		causal === true || localAttention !== undefined || relativeBuckets !== undefined;

	/** @shape → [S,S] or [H,S,S], or nothing where the layer adds nothing */
	of(layer: number): Value | undefined {
		return this.config.localAttention?.layers[layer] ? this.#local : this.#whole;
	}

	/** HIDDEN where a distance is above `most`, else 0. */
	#beyond(distances: Value, most: number): Value {
		const { graph } = distances;
		const over = like(distances, [sub(distances, most), graph.scalar(0)], "Max");
		return mul(like(distances, [over, graph.scalar(1)], "Min"), HIDDEN);
	}

	#relative(table: (name: string, shape: readonly number[]) => Value): Value {
		const { maxPositions, relativeBuckets = 0, heads } = this.config;
		const { graph } = this.#offsets;
		const buckets = Array.from({ length: 2 * maxPositions - 1 }, (_, i) => BigInt(relativeBucket(i - maxPositions + 1, relativeBuckets)));
		const byOffset = graph.constant("buckets", "int64", [buckets.length], BigInt64Array.from(buckets));
		const bucket = gather(byOffset, cast(add(this.#offsets, maxPositions - 1), "int64"));
		return transpose(gather(table(layoutOf(this.config).relative!, [relativeBuckets, heads]), bucket), [2, 0, 1]);
	}
}

const plus = (a: Value | undefined, b: Value): Value => (a ? add(a, b) : b);

/** 0 to S − 1. @param rows any index [R,S] or [R,1,S] @shape → float32 [S] */
export function columns(rows: Value): Value {
	const size = rows.shape.at(-1)!;
	const { graph } = rows;
	const first = reshape(gather(rows, firstRow(graph)), [-1], size);
	const ones = add(mul(cast(first, "float32"), 0), 1);
	const axis = graph.constant("axis", "int64", [], BigInt64Array.of(0n));
	return like(ones, [ones, axis], "CumSum", { exclusive: 1 });
}

function offsets(rows: Value): Value {
	const size = rows.shape.at(-1)!;
	const places = columns(rows);
	return sub(reshape(places, [1, -1], size), reshape(places, [-1, 1], size));
}

const firstRow = (graph: Graph): Value => graph.constant("first_row", "int64", [], BigInt64Array.of(0n));

/**
 * The bucket of a key that stands `offset` after the query: half of the buckets for each side; near ones one each, far ones
 * by the logarithm. In single precision, as the Python library has it. @source transformers, MPNetEncoder.relative_position_bucket
 */
export function relativeBucket(offset: number, buckets: number): number {
	const side = buckets / 2;
	const start = offset > 0 ? side : 0;
	const distance = Math.abs(offset);
	const near = side / 2;
	if (distance < near) return start + distance;
	const far = Math.fround(Math.fround(Math.log(Math.fround(distance / near))) / Math.log(FARTHEST / near));
	return start + Math.min(side - 1, near + Math.trunc(Math.fround(far * (side - near))));
}
