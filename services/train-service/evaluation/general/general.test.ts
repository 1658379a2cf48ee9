import { expect, test } from "vitest";
import { GENERAL, LANGUAGES } from "./index.js";

test("each language has its pairs, whole scales of them, and no sentence beside itself", () => {
	expect(LANGUAGES.map((language) => GENERAL.filter((pair) => pair.language === language).length)).toEqual([200, 100]);
	for (const { sentence1, sentence2, grade } of GENERAL) {
		expect(sentence1).not.toBe(sentence2);
		expect(grade >= 0 && grade <= 5, sentence2).toBe(true);
	}
	const seconds = GENERAL.map(({ sentence2 }) => sentence2);
	expect(seconds.filter((sentence, at) => seconds.indexOf(sentence) !== at)).toEqual([]);
	const grades = new Map<string, number[]>();
	for (const { sentence1, grade } of GENERAL) grades.set(sentence1, [...(grades.get(sentence1) ?? []), grade]);
	for (const [sentence, [first, ...rest]] of grades) expect(first! > 4.5 && rest.at(-1) === 0, sentence).toBe(true);
});
