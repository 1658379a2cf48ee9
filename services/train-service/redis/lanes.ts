/**
 * Lanes: a queue for each device and size of jobs, so that a node takes only what it can hold. Sizes rise by a quarter of a doubling
 * (19 %): a job waits for a node that has at most so much more than it needs.
 */
import type { JobClaim } from "../jobs/index.js";

const MIB = 2 ** 20;
const SMALLEST = 256 * MIB;
const A_DOUBLING = 4;
/** A job whose memory is not known, or is beyond all sizes, runs alone. */
const ALONE = "alone";

export interface Lane {
	readonly name: string;
	/** Where its jobs must run; auto where anything will do. */
	readonly device: string;
	/** Most that a job of it takes; Infinity for those that run alone. */
	readonly bytes: number;
}

/** 0 to 256 MiB is size 0, and so on. */
const sizeOf = (bytes: number): number => Math.max(0, Math.ceil(A_DOUBLING * Math.log2(bytes / SMALLEST)));

export function laneOf({ bytes, device = "auto" }: JobClaim): string {
	return `${device}-${Number.isFinite(bytes) ? sizeOf(Math.max(1, bytes)) : ALONE}`;
}

export function parseLane(name: string): Lane {
	const [device = "auto", size = ALONE] = name.split("-");
	return { name, device, bytes: size === ALONE ? Number.POSITIVE_INFINITY : SMALLEST * 2 ** (Number(size) / A_DOUBLING) };
}
