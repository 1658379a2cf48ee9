/** The second pass: which of the cleaned texts are trained on, which are held out, and which are left out. */
import { Random } from "@dak/shared/random";
import { NearDuplicates } from "../dedupe/index.js";
import { Groups } from "./groups.js";
import type { LineFile } from "./line-file.js";
import type { PreparationOptions } from "./options.js";

export const ROLE = { sampledOut: 0, nearDuplicate: 1, training: 2, validation: 3 } as const;

export interface Choice {
	/** A ROLE a line. */
	readonly roles: Uint8Array;
	readonly sampledOut: number;
	readonly nearDuplicates: number;
}

/** What counts as a near-duplicate between training and validation, where the job removes none. */
const LEAKAGE_THRESHOLD = 0.9;

export async function chooseTexts(file: LineFile, count: number, options: PreparationOptions): Promise<Choice> {
	const roles = sampled(count, options);
	const left = Math.min(count, options.maxTexts);
	const removes = options.nearDuplicates < 1;
	const groups = removes || options.validationRatio > 0 ? await grouped(file, roles, left, options) : undefined;
	let nearDuplicates = 0;
	let ordinal = 0;
	for (let line = 0; line < count; line++) {
		if (roles[line] === ROLE.sampledOut) continue;
		const group = groups?.of(ordinal) ?? ordinal;
		if (removes && group !== ordinal) {
			roles[line] = ROLE.nearDuplicate;
			nearDuplicates++;
		} else if (isHeldOut(group, options)) roles[line] = ROLE.validation;
		ordinal++;
	}
	return { roles, sampledOut: count - left, nearDuplicates };
}

/** Near-duplicates share a group, so they share its fate: none is held out while another is trained on. */
const isHeldOut = (group: number, { validationRatio, seed }: PreparationOptions): boolean =>
	validationRatio > 0 && Random.for(seed, "validation", group).next() < validationRatio;

/** Exactly maxTexts of the lines, each as likely as any other. @source Knuth, algorithm S */
function sampled(count: number, { maxTexts, seed }: PreparationOptions): Uint8Array {
	const roles = new Uint8Array(count).fill(ROLE.training);
	if (count <= maxTexts) return roles;
	const random = Random.for(seed, "sample");
	let wanted = maxTexts;
	for (let line = 0; line < count; line++) {
		if (random.next() * (count - line) < wanted) wanted--;
		else roles[line] = ROLE.sampledOut;
	}
	return roles;
}

/**
 * Near-duplicates among the `left` lines that the sample has, by their place in it. Where they are to be removed, each text is
 * compared with those that stay; where they stay, all that belong together are found.
 */
async function grouped(file: LineFile, roles: Uint8Array, left: number, { nearDuplicates, seed }: PreparationOptions): Promise<Groups> {
	const offsets = new Float64Array(left);
	const lengths = new Uint32Array(left);
	const removes = nearDuplicates < 1;
	const index = new NearDuplicates({
		threshold: removes ? nearDuplicates : LEAKAGE_THRESHOLD,
		seed,
		textOf: (ordinal) => file.at(offsets[ordinal]!, lengths[ordinal]!),
	});
	const groups = new Groups(left);
	let ordinal = 0;
	for await (const { text, offset, bytes } of file.lines((line) => roles[line] !== ROLE.sampledOut)) {
		offsets[ordinal] = offset;
		lengths[ordinal] = bytes;
		const first = removes ? index.addNew(ordinal, text) : undefined;
		if (first !== undefined) groups.join(first, ordinal);
		if (!removes) for (const other of index.addAll(ordinal, text)) groups.join(other, ordinal);
		ordinal++;
	}
	return groups;
}
