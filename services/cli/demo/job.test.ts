import { expect, test } from "vitest";
import { stepsFor } from "./job.js";

test.each([
	["texts like the demo's own", 4000, 55, 120],
	["short texts gain nothing from more steps", 4000, 20, 120],
	["longer texts make longer steps, so there are fewer", 4000, 110, 60],
	["very long texts are cut by max_length: never fewer than thirty", 4000, 5000, 30],
	["a small file is not seen over and over", 40, 55, 13],
	["two texts are a file, too", 2, 0, 1],
])("%s", (_, texts, meanCharacters, steps) => {
	expect(stepsFor({ texts, meanCharacters })).toBe(steps);
});
