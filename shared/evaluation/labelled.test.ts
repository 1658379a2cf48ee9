import { expect, test } from "vitest";
import { labelledSet } from "./labelled.js";

test("a query that is a text of the corpus is not searched for itself, unless it answers itself", () => {
	const set = labelledSet(
		[
			{ query: "blue hat", relevant: ["hat, blue"] },
			{ query: "red hat", relevant: ["red hat"] },
			{ query: "scarf", relevant: ["wool scarf"] },
		],
		["blue hat", "red hat", "hat, blue"],
	);
	expect(set.corpus).toEqual(["blue hat", "red hat", "hat, blue", "wool scarf"]);
	expect(set.relevant.map((rows) => [...rows])).toEqual([[2], [1], [3]]);
	expect(set.self).toEqual([0, undefined, undefined]);
});
