/** How far a written model's vectors are from those of serving base + adapter. */
import { dotOf, rowOf, type Vectors } from "@dak/shared/evaluation";

export interface Drift {
	readonly texts: number;
	readonly mean_cosine: number;
	readonly min_cosine: number;
	/** Largest difference of an element. */
	readonly max_difference: number;
}

/** @shape both [B,D], unit vectors */
export function driftBetween(served: Vectors, written: Vectors): Drift {
	let [sum, least, widest] = [0, 1, 0];
	for (let row = 0; row < served.count; row++) {
		const cosine = dotOf(rowOf(served, row), rowOf(written, row));
		sum += cosine;
		least = Math.min(least, cosine);
	}
	served.data.forEach((value, i) => {
		widest = Math.max(widest, Math.abs(value - written.data[i]!));
	});
	return { texts: served.count, mean_cosine: sum / served.count, min_cosine: least, max_difference: widest };
}

/** Of one written file. */
export interface OutputDrift extends Drift {
	readonly bytes: number;
}
