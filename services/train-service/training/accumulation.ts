/** Several batches' gradients and losses as those of one. */

/** Element-wise mean of gradients that come one batch after the other, in arrays that the next batch overwrites. */
export class GradientMean {
	#sums: readonly Float32Array[] = [];
	#added = 0;

	constructor(private readonly batches: number) {}

	/** Copies only where more than one batch is expected. */
	add(gradients: readonly Float32Array[]): void {
		if (this.#added++ === 0) {
			this.#sums = this.batches === 1 ? gradients : gradients.map((gradient) => gradient.slice());
			return;
		}
		this.#sums.forEach((sum, i) => {
			const gradient = gradients[i]!;
			for (let j = 0; j < sum.length; j++) sum[j]! += gradient[j]!;
		});
	}

	/** Once all batches were added. */
	take(): readonly Float32Array[] {
		if (this.batches > 1) for (const sum of this.#sums) for (let j = 0; j < sum.length; j++) sum[j]! /= this.batches;
		return this.#sums;
	}
}

/** Mean of each number by name. */
export function meanOf<K extends string>(all: readonly Readonly<Record<K, number>>[]): Record<K, number> {
	const names = Object.keys(all[0] ?? {}) as K[];
	return Object.fromEntries(names.map((name) => [name, all.reduce((sum, one) => sum + one[name], 0) / all.length])) as Record<K, number>;
}
