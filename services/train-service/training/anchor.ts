/** What the anchor holds the adapted model's similarities against, where that is not the base's own. */
import { fitWhitening, type LinearMap, type ModelVectors, mapVectors, type Spread, spreadOf } from "../evaluation/index.js";

/**
 * Standard deviation of a base's cosines below which its texts lie in a narrow cone: multilingual-e5-small has .02 to .03,
 * all-MiniLM-L6-v2 .09 to .15. There a loss on squares of differences tells next to nothing as it stands (docs/quality.md).
 */
const NARROW = 0.05;

export const isNarrow = ({ deviation }: Spread): boolean => deviation > 0 && deviation < NARROW;

/** Cosines of the base's vectors behind a map, brought onto a line. */
export interface AnchorTarget {
	readonly map: LinearMap;
	readonly scale: number;
	readonly shift: number;
}

/**
 * The base's similarities, whitened a part of the way. Where they lie in a narrow cone, at their own mean and spread: the order is what
 * is wanted then, and to reach cosines that lie far apart the base would have to give up what it knows. Elsewhere as they are.
 * @returns undefined for too few vectors to whiten by
 */
export function whitenedTarget(base: ModelVectors, share: number): AnchorTarget | undefined {
	const map = fitWhitening(base, share);
	if (!map) return undefined;
	const own = spreadOf(base);
	if (!isNarrow(own)) return { map, scale: 1, shift: 0 };
	const whitened = spreadOf(mapVectors(base, map));
	const scale = whitened.deviation > 0 ? own.deviation / whitened.deviation : 1;
	return { map, scale, shift: own.mean - scale * whitened.mean };
}
