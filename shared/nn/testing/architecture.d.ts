/** Of each architecture at least one. */
export declare const FIXTURE_MODELS: readonly string[];
export interface GoldenTensor {
	readonly norm: number;
	readonly at: readonly number[];
	readonly values: readonly number[];
}
/** What make_architectures.py found. */
export interface ArchitectureGolden {
	readonly pooling: "mean" | "cls" | "lasttoken";
	/** Before the names of the tensors in the model's file. */
	readonly prefix: string;
	readonly lora: {
		readonly r: number;
		readonly alpha: number;
	};
	readonly linear_layers: readonly string[];
	/** Shapes by name. */
	readonly weights: Readonly<Record<string, readonly number[]>>;
	readonly texts: readonly string[];
	readonly ids: readonly (readonly number[])[];
	readonly tokens: readonly {
		readonly text: string;
		readonly ids: readonly number[];
		readonly offsets: readonly number[];
	}[];
	/** fp32, row-major, base64. @shape [B,D] each */
	readonly vectors: Readonly<Record<"fp32" | "lora" | "nf4" | "nf4_lora", string>>;
	readonly peft: {
		readonly tensors: Readonly<Record<string, readonly number[]>>;
		readonly config: Readonly<Record<string, unknown>> & {
			readonly target_modules: readonly string[];
		};
	};
	readonly tsdae?: {
		readonly batch: {
			readonly noisy: number[][];
			readonly clean: number[][];
		};
		readonly loss: number;
		readonly gradients: Readonly<Record<string, GoldenTensor>>;
	};
}
export declare const architectureGolden: (name: string) => ArchitectureGolden;
export interface FixtureOptions {
	/** Files that the weights are spread over. Default 1. */
	readonly shards?: number;
}
/** Writes a model's folder. @returns the folder */
export declare function writeArchitecture(folder: string, name: string, { shards }?: FixtureOptions): string;
/** The factors that the fixtures' vectors have: of a tensor named as in an adapter's file. */
export declare const factorOf: (key: string, shape: readonly number[]) => Float32Array;
/** Writes the adapter as PEFT wrote it. @returns the folder */
export declare function writePeftAdapter(folder: string, { peft }: ArchitectureGolden): string;
/** A set of vectors. @shape [B,D] */
export declare const goldenVectors: ({ vectors }: ArchitectureGolden, kind: keyof ArchitectureGolden["vectors"]) => Float32Array;
