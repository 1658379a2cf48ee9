import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jailedPath } from "./index.js";

let top: string;
let root: string;
beforeAll(() => {
	top = realpathSync(mkdtempSync(join(tmpdir(), "dak-jail-")));
	root = join(top, "root");
	mkdirSync(join(root, "inner"), { recursive: true });
	writeFileSync(join(root, "inner", "file"), "");
	writeFileSync(join(top, "secret"), "");
	mkdirSync(join(top, "root-sibling"));
	symlinkSync(top, join(root, "out"));
	symlinkSync("inner", join(root, "in"));
	symlinkSync("../../secret", join(root, "inner", "file-out"));
	symlinkSync(join(top, "not-there-yet"), join(root, "dangling"));
	symlinkSync("loop", join(root, "loop"));
	symlinkSync("root", join(top, "root-link"));
});
afterAll(() => rmSync(top, { recursive: true }));

describe("jailedPath", () => {
	it.each([
		["inner/file", "inner/file"],
		["./inner/../inner/file", "inner/file"],
		["", ""],
		[".", ""],
		["in/file", "inner/file"],
		["inner/new/file", "inner/new/file"],
		["in/new", "inner/new"],
		["inner/file/below-a-file", "inner/file/below-a-file"],
		["...", "..."],
	])("gives %j its real path", (path, expected) => {
		expect(jailedPath(root, path)).toBe(join(root, expected));
		expect(jailedPath(join(top, "root-link"), path)).toBe(join(root, expected));
	});

	it.each([
		"..",
		"../secret",
		"../root-sibling",
		"inner/../../secret",
		"/etc/passwd",
		"out",
		"out/secret",
		"out/root/inner/../../secret",
		"out/new-file",
		"out/new/folder",
		"inner/file-out",
		"dangling",
		"dangling/below",
		"loop",
		"loop/below",
		"inner\0/file",
	])("refuses %j", (path) => {
		expect(() => jailedPath(root, path)).toThrowError(expect.objectContaining({ reason: "PERMISSION_DENIED" }));
	});

	it("refuses or stays below its root, whatever is asked", () => {
		const part = fc.oneof(
			fc.constantFrom("..", ".", "", "out", "in", "inner", "file", "file-out", "loop", "dangling", "root"),
			fc.string(),
		);
		fc.assert(
			fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
				let path: string;
				try {
					path = jailedPath(root, parts.join("/"));
				} catch (error) {
					expect(error).toMatchObject({ reason: "PERMISSION_DENIED" });
					return;
				}
				expect(path === root || path.startsWith(root + sep)).toBe(true);
			}),
			{ numRuns: 500 },
		);
	});
});
