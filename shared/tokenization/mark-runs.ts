/** Most combining marks in a row: Unicode's stream-safe format allows 30, no writing needs more than a few. */
export const MOST_MARKS = 1000;

/**
 * Whether a text has more combining marks in a row than any writing. Putting such a run into canonical order takes quadratic
 * time in every Unicode library: 1 MB of two alternating marks, a minute.
 */
export function hasLongMarkRun(text: string): boolean {
	if (text.length <= MOST_MARKS) return false;
	for (const { 0: run } of text.matchAll(/\p{M}+/gu)) if (run.length > MOST_MARKS) return true;
	return false;
}
