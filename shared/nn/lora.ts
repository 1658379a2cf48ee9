import type { LoraFactors } from "./layers.js";
import type { Parameters } from "./parameters.js";

export interface LoraOptions {
	readonly r: number;
	readonly alpha: number;
	/** Last parts of the adapted layers' names: query, key, value, dense. */
	readonly targetModules: readonly string[];
}

export const loraA = (path: string): string => `${path}.lora_A`;
export const loraB = (path: string): string => `${path}.lora_B`;

/**
 * Declares a layer's factors when the model asks for them. First values as PEFT has them: A by Kaiming's uniform rule with
 * a = √5, which is ±1/√K, and B zero, so that an untrained adapter changes nothing.
 */
export function declareLora(parameters: Parameters, { r, alpha, targetModules }: LoraOptions) {
	return (path: string, outFeatures: number, inFeatures: number): LoraFactors | undefined => {
		if (!targetModules.includes(path.slice(path.lastIndexOf(".") + 1))) return undefined;
		const bound = 1 / Math.sqrt(inFeatures);
		const a = parameters.declare({ name: loraA(path), shape: [r, inFeatures], group: "lora", init: { kind: "uniform", bound } });
		const b = parameters.declare({ name: loraB(path), shape: [outFeatures, r], group: "lora", init: { kind: "constant", value: 0 } });
		return { a, b, scale: alpha / r };
	};
}
