import type { DatasetStatistics } from "./types.js";

/** A line on what is left of the texts and what was left out; what is zero and unusual is not spoken of. */
export function describeTexts(s: DatasetStatistics): string {
	const rare: [count: number, what: string][] = [
		[s.near_duplicates_removed, "near-duplicates"],
		[s.too_long_removed, "too long"],
		[s.too_short_removed, "too short"],
		[s.sampled_out, "by chance"],
	];
	const others = rare.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
	const notes: [count: number, note: string][] = [
		[s.split.texts, `${s.split.texts} long texts split into ${s.split.texts + s.split.added}`],
		[s.validation_texts, `${s.validation_texts} held out for validation`],
	];
	const told = notes.filter(([count]) => count > 0).map(([, note]) => `; ${note}`);
	return `${s.texts} texts, ${s.duplicates_removed} duplicates and ${s.blank_removed} blank ones left out${others.join("")}${told.join("")}`;
}
