import { expect, test } from "vitest";
import { jobFields, referencePages } from "../../services/cli/reference/index.js";
import { readPage } from "./pages.js";

test.each(Object.entries(referencePages()))(
	"docs/reference/%s is the program's (npm run build && node scripts/reference.mjs)",
	(name, text) => {
		expect(readPage(`docs/reference/${name}`).text).toBe(text);
	},
);

test("fields of a job stand there with their bounds, and those inside lists and alternatives too", () => {
	const fields = new Map(jobFields().map(([path, ...rest]) => [path, rest]));
	expect(fields.get("`base_model`")?.slice(0, 3)).toEqual(["string", "required", "1 to 512 characters"]);
	expect(fields.get("`training.learning_rate`")?.slice(0, 3)).toEqual(["number", "`0.0003`", "above 0, to 1"]);
	expect(fields.get("`output.onnx_dtypes`")?.[2]).toBe("some of `fp32`, `int8`");
	expect(fields.get("`evaluation.queries[].relevant`")?.[1]).toBe("required");
	expect(fields.get("`dataset.upload`")?.[3]).toContain("/v1/datasets");
});
