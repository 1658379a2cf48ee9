/** The linear layers as serving multiplies them: query, key and value have the same input, and are one product. */
import type { EncoderConfig } from "../../models/index.js";

export interface ServedLayer {
	readonly path: string;
	/** The model's own layers, by rows of the weight; adapters know these. */
	readonly parts: readonly { readonly path: string; readonly outFeatures: number }[];
	readonly inFeatures: number;
	readonly outFeatures: number;
}

const single = (path: string, inFeatures: number, outFeatures: number): ServedLayer => ({
	path,
	parts: [{ path, outFeatures }],
	inFeatures,
	outFeatures,
});

/** The four products of a layer, in the order in which they are made. */
export function servedLayers({ hiddenSize: d, intermediateSize: wide }: EncoderConfig, layer: number) {
	const path = `encoder.layer.${layer}`;
	const parts = ["query", "key", "value"].map((name) => ({ path: `${path}.attention.self.${name}`, outFeatures: d }));
	return {
		attention: { path: `${path}.attention.self.all`, parts, inFeatures: d, outFeatures: 3 * d } satisfies ServedLayer,
		mixed: single(`${path}.attention.output.dense`, d, d),
		wide: single(`${path}.intermediate.dense`, d, wide),
		narrow: single(`${path}.output.dense`, wide, d),
	};
}

export function allServedLayers(config: EncoderConfig): ServedLayer[] {
	return Array.from({ length: config.layers }, (_, layer) => Object.values(servedLayers(config, layer))).flat();
}
