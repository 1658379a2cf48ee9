/** Which part of a text each unit of its normalised form came from. */
import type { Normalize } from "./normalizer.js";

/** A part of a text, in UTF-16 units. */
export interface Span {
	readonly start: number;
	readonly stop: number;
}

/** By index into the normalised text. */
export type Alignment = readonly Span[];

/**
 * Stretches that normalise by themselves: runs of what may become white space, characters with their marks, Korean syllables.
 * Of bounded length, since each token may be told a whole one.
 */
const CLUSTER = /[\s\p{Z}\p{C}\uFFFD\u2581]{1,256}|[\u1100-\u115F][\u1160-\u11A7]?[\u11A8-\u11FF]?|[\s\S]\p{M}{0,32}/gu;

/** Nothing where the text does not normalise stretch by stretch to the same: then no offset can be told. */
export function align(text: string, normalized: string, normalize: Normalize): Alignment | undefined {
	const spans: Span[] = [];
	let joined = "";
	for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
		const part = normalize(cluster);
		joined += part;
		for (const span of spansOf(cluster, part, index)) spans.push(span);
	}
	return joined === normalized ? spans : undefined;
}

function spansOf(cluster: string, part: string, index: number): Span[] {
	// A run of spaces may have become a shorter one, which then stands at its end; anything else that changed its length is one.
	const shift = cluster.length - part.length;
	const unitByUnit = shift === 0 || (shift > 0 && BLANK.test(part));
	const whole = { start: index, stop: index + cluster.length };
	return Array.from({ length: part.length }, (_, i) => (unitByUnit ? characterSpan(cluster, i + shift, index) : whole));
}

const BLANK = /^ +$/;

function characterSpan(text: string, at: number, offset: number): Span {
	const start = offset + (isLow(text.charCodeAt(at)) ? at - 1 : at);
	const stop = offset + (isHigh(text.charCodeAt(at)) ? at + 2 : at + 1);
	return { start, stop };
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
