/** The course of the loss, step by step, and whether it is in good order. */
import { assert } from "@dak/shared/errors";
import type { TensorData } from "@dak/shared/safetensors";

/** One step's loss, whole and in parts. */
export interface CurvePoint {
	/** From 1. */
	readonly step: number;
	readonly loss: number;
	readonly parts: Readonly<Record<string, number>>;
}

export interface LossLevel {
	/** Exponential mean over the last steps; null before the first. */
	readonly smoothed: number | null;
	/** The lowest that it was. */
	readonly best: number | null;
}

/** Weight of the newest step in the smoothed loss. */
const SMOOTHING = 0.1;
/** A smoothed loss over this many times its lowest is on its way out of bounds. */
const STEADY_FACTOR = 1.5;

const loss = "curve.loss";
const partPrefix = "curve.part.";

export class LossCurve {
	#points: CurvePoint[] = [];
	#level: LossLevel = { smoothed: null, best: null };

	get points(): readonly CurvePoint[] {
		return this.#points;
	}

	get level(): LossLevel {
		return this.#level;
	}

	/** Whether the loss has stayed near its lowest: a state that a back-off may return to. */
	get steady(): boolean {
		const { smoothed, best } = this.#level;
		return smoothed === null || best === null || smoothed <= STEADY_FACTOR * best;
	}

	add({ step, loss, parts }: CurvePoint): void {
		assert(step === this.#points.length + 1, `step ${step} follows step ${this.#points.length}`);
		this.#points.push({ step, loss, parts });
		const smoothed = this.#level.smoothed === null ? loss : this.#level.smoothed + SMOOTHING * (loss - this.#level.smoothed);
		this.#level = { smoothed, best: Math.min(smoothed, this.#level.best ?? smoothed) };
	}

	/** As tensors of a checkpoint: in binary, since a long training has many steps. */
	tensors(): Record<string, TensorData> {
		const parts = Object.keys(this.#points[0]?.parts ?? {});
		const column = (value: (point: CurvePoint) => number): TensorData => {
			const data = new Uint8Array(Float64Array.from(this.#points, value).buffer);
			return { dtype: "F64", shape: [this.#points.length], data };
		};
		return {
			[loss]: column((point) => point.loss),
			...Object.fromEntries(parts.map((part) => [partPrefix + part, column((point) => point.parts[part]!)])),
		};
	}

	/** Takes the place of what was there. */
	restore(tensors: Readonly<Record<string, TensorData>>, level: LossLevel): void {
		const numbers = ({ data }: TensorData) => new Float64Array(data.slice().buffer);
		const parts = Object.entries(tensors).flatMap(([name, tensor]): [string, Float64Array][] =>
			name.startsWith(partPrefix) ? [[name.slice(partPrefix.length), numbers(tensor)]] : [],
		);
		this.#points = Array.from(numbers(tensors[loss]!), (value, i) => ({
			step: i + 1,
			loss: value,
			parts: Object.fromEntries(parts.map(([name, values]) => [name, values[i]!])),
		}));
		this.#level = level;
	}

	clear(): void {
		this.#points = [];
		this.#level = { smoothed: null, best: null };
	}
}
