import { expect, test } from "vitest";
import { checksOf } from "./checks.js";
import type { Sanity } from "./sanity.js";

const far = { collapsed: false, similarity_correlation: 0.5, general: {}, texts: 100 } as unknown as Sanity;
const names = (checks: readonly { readonly name: string; readonly passed: boolean }[]) => checks.map(({ name, passed }) => [name, passed]);

test("drift from the base has a bound where the objective keeps the base's similarities, and none where it aims at others", () => {
	const loss = { first: 3, last: 2 };
	expect(names(checksOf(far, { loss }))).toEqual([
		["loss_fell", true],
		["not_collapsed", true],
		["drift_within_bounds", false],
		["general_similarity_kept", true],
	]);
	expect(names(checksOf(far, { loss, reshaped: true }))).toEqual([
		["loss_fell", true],
		["not_collapsed", true],
		["general_similarity_kept", true],
	]);
});
