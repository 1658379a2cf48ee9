import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanLines, cleanText, splitLongText } from "./index.js";

const auto = { unicode: "nfc", html: "auto" } as const;

describe("what is cleaned", () => {
	test.each([
		["white space of every kind", " red \t\u00a0hat\r\n\u3000 x ", "red hat x"],
		["decomposed letters", "cafe\u0301", "café"],
		["characters that nobody sees", "so\u00adft ha\u200bt\u0000 \uFEFFx\u202e", "soft hat x"],
		["a lone surrogate", "a\ud800b", "a\ufffdb"],
		["HTML", "<p>Red <b>hat</b>s</p><ul><li>blue</li><li>green</li></ul>", "Red hats blue green"],
		["what HTML hides", "<style>p {}</style>a<script>if (a < b) {}</script><br/>b<!-- c -->", "a b"],
		["attributes with brackets", '<a title="a > b" href="x">link</a>', "link"],
		["entities without tags", "AT&amp;T &#8217;s 5&nbsp;m &lt;b", "AT&T ’s 5 m <b"],
	])("%s", (_, text, clean) => {
		expect(cleanText(text, auto)).toBe(clean);
	});
});

describe("what is no markup stays as it is", () => {
	test.each([
		"a < b and c > d",
		"How do I use the <div> tag?",
		"List<String> x = new List<>()",
		"R&D, Q&A; a&b;",
		"<3 you",
		"x <- 1",
		"family 👨‍👩‍👧 नमस्ते می‌خواهم",
	])("%s", (text) => {
		expect(cleanText(text, auto)).toBe(text);
	});
});

test("the options do what they say", () => {
	expect(cleanText("ﬁ m² Ａ", { ...auto, unicode: "nfkc" })).toBe("fi m2 A");
	expect(cleanText("ﬁ m² Ａ", auto)).toBe("ﬁ m² Ａ");
	expect(cleanText("cafe\u0301", { ...auto, unicode: "none" })).toBe("cafe\u0301");
	expect(cleanText("<p>a</p> &amp;", { ...auto, html: "keep" })).toBe("<p>a</p> &amp;");
	expect(cleanText("use <div>", { ...auto, html: "strip" })).toBe("use");
});

test("cleaning twice is cleaning once, and leaves one line of valid Unicode", () => {
	fc.assert(
		fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
			const clean = cleanText(text, { unicode: "nfc", html: "keep" });
			expect(cleanText(clean, { unicode: "nfc", html: "keep" })).toBe(clean);
			expect(clean.isWellFormed()).toBe(true);
			expect(clean).not.toMatch(/[\n\r\t]| {2}|^ | $/);
		}),
	);
});

test("no text of a stranger takes quadratic time", () => {
	const hostile = [
		"<b>".repeat(100_000) + "</i>".repeat(100_000),
		"<a ".repeat(300_000),
		"<!--".repeat(200_000),
		"&amp;<".repeat(100_000),
		"e\u0301\u0323".repeat(3) + "\u0301\u0323".repeat(300_000),
	];
	const started = performance.now();
	for (const text of hostile) cleanText(`<p></p>${text}`, auto);
	expect(performance.now() - started).toBeLessThan(10_000);
});

describe("long texts are split at sentences", () => {
	const split = (text: string, maxTokens: number) =>
		splitLongText(cleanLines(text, auto), { maxTokens, countTokens: (piece) => piece.split(" ").length });

	test("which are put together as far as they fit", () => {
		expect(split("One two three. Four five six. Seven eight nine.", 6)).toEqual(["One two three. Four five six.", "Seven eight nine."]);
	});

	test("in languages with other marks, and at line breaks", () => {
		expect(split("今日は雨です。明日は晴れ。", 1)).toEqual(["今日は雨です。", "明日は晴れ。"]);
		expect(split("यह पहला है। यह दूसरा है।", 3)).toEqual(["यह पहला है।", "यह दूसरा है।"]);
		expect(split("no stop here\nnor here either", 3)).toEqual(["no stop here", "nor here either"]);
	});

	test("a sentence that is too long alone stays whole; a fragment beside it is left out", () => {
		expect(split("One. Two three four five six seven eight nine ten.", 8)).toEqual(["Two three four five six seven eight nine ten."]);
	});

	test("every piece but a single sentence is within the limit, and nothing is made up", () => {
		const sentence = fc.array(fc.stringMatching(/^[a-zа-я]{1,8}$/), { minLength: 1, maxLength: 12 }).map((words) => `X${words.join(" ")}.`);
		fc.assert(
			fc.property(fc.array(sentence, { minLength: 1, maxLength: 12 }), (sentences) => {
				const text = sentences.join(" ");
				for (const piece of split(text, 8)) {
					expect(text).toContain(piece);
					expect(piece.split(" ").length <= 8 || sentences.includes(piece)).toBe(true);
				}
			}),
		);
	});
});
