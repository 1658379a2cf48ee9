/** AdamW over parameters in JavaScript's memory: as fast as in the graph on the CPU, and the state is ours to save. */
import { assert } from "../../errors/index.js";

export interface AdamWOptions {
	readonly beta1: number;
	readonly beta2: number;
	readonly epsilon: number;
	/** Decoupled: each step takes learning rate · weight decay of a parameter away. */
	readonly weightDecay: number;
}

export const ADAMW_DEFAULTS: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** Both moments of one parameter. */
export interface Moments {
	readonly first: Float32Array;
	readonly second: Float32Array;
}

/** @source Loshchilov & Hutter 2019; the order of operations is torch.optim.AdamW's */
export class AdamW {
	/** Steps taken. */
	steps = 0;
	readonly moments: readonly Moments[];

	constructor(
		/** Updated in place. Borrowed. */
		readonly parameters: readonly Float32Array[],
		readonly options: AdamWOptions = ADAMW_DEFAULTS,
	) {
		this.moments = parameters.map((p) => ({ first: new Float32Array(p.length), second: new Float32Array(p.length) }));
	}

	/** One update. `learningRates` and `gradients` have one entry a parameter; `scale` multiplies every gradient (clipping). */
	step(gradients: readonly Float32Array[], learningRates: readonly number[], scale = 1): void {
		this.steps++;
		this.parameters.forEach((parameter, i) => {
			assert(gradients[i]!.length === parameter.length, `gradient ${i} has ${gradients[i]!.length} elements, not ${parameter.length}`);
			this.#update(parameter, gradients[i]!, this.moments[i]!, learningRates[i]!, scale);
		});
	}

	#update(parameter: Float32Array, gradient: Float32Array, { first, second }: Moments, rate: number, scale: number): void {
		const { beta1, beta2, epsilon, weightDecay } = this.options;
		const size = rate / (1 - beta1 ** this.steps);
		const root = 1 / Math.sqrt(1 - beta2 ** this.steps);
		const keep = 1 - rate * weightDecay;
		for (let i = 0; i < parameter.length; i++) {
			const g = gradient[i]! * scale;
			const m = beta1 * first[i]! + (1 - beta1) * g;
			const v = beta2 * second[i]! + (1 - beta2) * g * g;
			first[i] = m;
			second[i] = v;
			parameter[i] = parameter[i]! * keep - (size * m) / (Math.sqrt(v) * root + epsilon);
		}
	}
}

/** L2 norm over all gradients together. */
export function globalNorm(gradients: readonly Float32Array[]): number {
	let sum = 0;
	for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
	return Math.sqrt(sum);
}

/** Factor that brings a norm down to `maxNorm`, as torch's clip_grad_norm_ has it. */
export const clipScale = (norm: number, maxNorm: number): number => Math.min(1, maxNorm / (norm + 1e-6));
