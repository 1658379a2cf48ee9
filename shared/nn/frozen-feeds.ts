/** A base model's weights as the feeds of a graph: packed once, then fed to every run in place. */
import type { BaseModel } from "../models/index.js";
import { codePlanes, dequantizeAbsmax, type Nf4Tensor, quantizeNf4 } from "../quantization/index.js";
import { float32, type Tensor, uint8 } from "../runtime/index.js";
import type { FrozenInput } from "./frozen-weights.js";

export interface FrozenFeedsOptions {
	/** Scales in 8 bits, as bitsandbytes' compress_statistics has it. */
	readonly doubleQuant: boolean;
}

/** Reads and packs tensors on demand, one at a time; graphs over the same base share what was packed. */
export class FrozenFeeds {
	readonly #packed = new Map<string, Nf4Tensor>();
	readonly #feeds = new Map<string, Tensor>();

	constructor(
		/** Borrowed; its weights file stays open. */
		private readonly base: BaseModel,
		private readonly options: FrozenFeedsOptions,
	) {}

	/** Feeds for a graph's frozen inputs. @throws INVALID_MODEL for a missing tensor */
	feeds(inputs: readonly FrozenInput[]): Record<string, Tensor> {
		return Object.fromEntries(inputs.map((input) => [input.input, this.#feed(input)]));
	}

	#feed(input: FrozenInput): Tensor {
		const known = this.#feeds.get(input.input);
		if (known) return known;
		const feed = this.#make(input);
		this.#feeds.set(input.input, feed);
		return feed;
	}

	#make({ tensor, part }: FrozenInput): Tensor {
		if (part === "fp32") return float32(this.base.weights.float32(tensor), this.#shape(tensor));
		const packed = this.#pack(tensor);
		if (part === "codes") return uint8(packed.codes, [packed.codes.length]);
		if (part === "planes") return uint8(codePlanes(packed.codes), [packed.codes.length]);
		const absmax = dequantizeAbsmax(packed);
		return float32(absmax, [absmax.length]);
	}

	#shape(tensor: string): readonly number[] {
		return this.base.weights.tensors.get(tensor)?.shape ?? [];
	}

	#pack(tensor: string): Nf4Tensor {
		const known = this.#packed.get(tensor);
		if (known) return known;
		const shape = this.#shape(tensor) as [number, number];
		const packed = quantizeNf4(this.base.weights.float32(tensor), shape, this.options);
		this.#packed.set(tensor, packed);
		return packed;
	}
}
