import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DakError } from "@dak/shared/errors";
import { expect, test } from "vitest";
import { reasonOf } from "./failure.js";

test("an error's own message is told, not that of what caused it", () => {
	expect(reasonOf(new DakError("MODEL_NOT_FOUND", "found no model x", { cause: new Error("ENOENT") }))).toBe("found no model x");
});

test("a failed fetch says why", async () => {
	const server = createServer().listen(0, "127.0.0.1");
	await new Promise((ready) => server.once("listening", ready));
	const { port } = server.address() as AddressInfo;
	await new Promise((closed) => server.close(closed));
	const error = await fetch(`http://127.0.0.1:${port}`).catch((reason: unknown) => reason);
	expect(reasonOf(error)).toBe(`fetch failed: connect ECONNREFUSED 127.0.0.1:${port}`);
});

test("what is no error is shown as it is", () => {
	expect(reasonOf("stopped")).toBe("stopped");
});
