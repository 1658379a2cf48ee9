/** The golden values (tests/fixtures/golden, README.md there) as the engine's checks read them. */
import { readFileSync } from "node:fs";
import type { Objective, ParameterSpec } from "@dak/shared/nn";
import { sizeOf } from "@dak/shared/nn";
import { seededParameter } from "../../../shared/nn/testing/params.js";

export interface Batch {
	readonly noisy: readonly number[][];
	readonly clean: readonly number[][];
}

/** Some elements of a tensor, and its norm. */
export interface Sampled {
	readonly shape: readonly number[];
	readonly norm: number;
	readonly change_norm?: number;
	readonly at: readonly number[];
	readonly values: readonly number[];
}

export type Samples = Readonly<Record<string, Sampled>>;

export interface StepFixture {
	readonly batch: Batch;
	readonly step: { readonly loss: number; readonly gradients: Samples };
	readonly restricted_vocabulary: { readonly vocabulary: readonly number[]; readonly loss: number; readonly gradients: Samples };
}

export interface ObjectivesFixture {
	readonly batch: Batch;
	readonly objectives: Readonly<Record<string, { readonly weights: Objective; readonly loss: number; readonly gradients: Samples }>>;
}

export interface CurveFixture {
	readonly lora_b_scale: number;
	readonly weight_decay: number;
	readonly max_grad_norm: number;
	readonly learning_rates: readonly { readonly lora: number; readonly decoder: number }[];
	readonly batches: readonly Batch[];
	readonly curves: readonly {
		readonly name: string;
		readonly weights: Objective;
		readonly trains_vocab_bias: boolean;
		readonly losses: readonly number[];
		readonly gradient_norms: readonly number[];
		readonly parameters: Samples;
	}[];
}

export interface EncoderFixture {
	readonly ids: readonly number[][];
	readonly vectors: Readonly<Record<"fp32" | "nf4" | "nf4_lora", { readonly pooled: string }>>;
}

export function readGolden<T>(name: string): T {
	return JSON.parse(readFileSync(new URL(`../../fixtures/golden/${name}`, import.meta.url), "utf8")) as T;
}

/** A parameter's first values by its name, as common.py and packed.py set them. */
export function goldenValues(name: string, count: number, loraBScale = 0.05): Float32Array {
	const isNorm = name.includes(".norm.");
	const scale = name.endsWith(".lora_B") ? loraBScale : isNorm ? 0.1 : 0.05;
	const values = seededParameter(name, count, scale);
	return isNorm && name.endsWith(".weight") ? values.map((x) => 1 + x) : values;
}

export const goldenParameter = (spec: ParameterSpec, loraBScale?: number): Float32Array =>
	goldenValues(spec.name, sizeOf(spec), loraBScale);
