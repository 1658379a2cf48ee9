/** The linear layers as serving multiplies them: those that have the same input are one product. */
import { type EncoderConfig, type LayerLayout, type LinearLayer, layoutOf } from "../../models/index.js";

export interface ServedLayer {
	readonly path: string;
	/** The model's own layers, by rows of the weight; adapters know these. */
	readonly parts: readonly { readonly path: string; readonly outFeatures: number }[];
	readonly inFeatures: number;
	readonly outFeatures: number;
	readonly bias: boolean;
}

/** Layers over one input as one. A single layer keeps its name. */
export function joined(layers: readonly LinearLayer[], bias: boolean): ServedLayer {
	const [first] = layers as readonly [LinearLayer];
	return {
		path: layers.length === 1 ? first.path : `${first.path.slice(0, first.path.lastIndexOf("."))}.all`,
		parts: layers.map(({ path, outFeatures }) => ({ path, outFeatures })),
		inFeatures: first.inFeatures,
		outFeatures: layers.reduce((sum, { outFeatures }) => sum + outFeatures, 0),
		bias,
	};
}

/** The four products of a layer, in the order in which they are made. */
export const servedLayers = ({ attention, mixed, wide, narrow }: LayerLayout, bias: boolean) => ({
	attention: joined(attention, bias),
	mixed: joined([mixed], bias),
	wide: joined(wide, bias),
	narrow: joined([narrow], bias),
});

export function allServedLayers(config: EncoderConfig): ServedLayer[] {
	const { layers, linearBias } = layoutOf(config);
	return layers.flatMap((layer) => Object.values(servedLayers(layer, linearBias)));
}
