import { expect, test } from "vitest";
import { DakError, invalidField, storageText, toDakError } from "./index.js";

test("an error of ours stays itself", () => {
	const error = invalidField("/size", "found 0, allowed: at least 1");
	expect(toDakError(error)).toBe(error);
	expect(error).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ pointer: "/size" }], row: { http: 422, grpc: "INVALID_ARGUMENT" } });
});

test("a full disk is told as what it is, without the path", () => {
	const full = Object.assign(new Error("ENOSPC: no space left on device, write '/secret'"), { code: "ENOSPC" });
	const error = toDakError(full);
	expect(error).toMatchObject({ reason: "STORAGE_FAILED", message: "no space is left on the disk", row: { http: 507 } });
	expect(error.cause).toBe(full);
});

test("what the file system says is told without the machine's paths", () => {
	const denied = new Error("EACCES: permission denied, rename '/secret/a' -> '/secret/b'");
	expect(storageText(denied)).toBe("EACCES: permission denied");
	expect(storageText(Object.assign(new Error("x '/secret'"), { code: "ENOSPC" }))).toBe("no space is left on the disk");
});

test.each([[new Error("password is hunter2")], ["text"], [null], [undefined], [{ code: 7 }]])(
	"%j is a programmer's fault, and its text is kept out of answers",
	(thrown) => {
		expect(toDakError(thrown)).toMatchObject({ reason: "INTERNAL", message: expect.not.stringContaining("hunter2") });
		expect(toDakError(thrown)).toBeInstanceOf(DakError);
	},
);
