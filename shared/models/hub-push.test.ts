import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { pushFolder } from "./hub-push.js";

/** A hub that takes a commit, with large files uploaded beside it. */
async function hubThatTakes({ status = 200, exists = false } = {}) {
	const files: Record<string, string> = {};
	const seen: { path: string; authorization: string | undefined }[] = [];
	const server = createServer(async (request, response) => {
		seen.push({ path: request.url!, authorization: request.headers.authorization });
		const answer = (body: unknown, code = status) =>
			response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
		answer(...(await reply(request, files, `http://${request.headers.host}`, exists)));
	});
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	onTestFinished(() => void server.close());
	return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, seen };
}

async function reply(
	request: IncomingMessage,
	files: Record<string, string>,
	origin: string,
	exists: boolean,
): Promise<[unknown, number?]> {
	const body = await text(request);
	const { url = "" } = request;
	if (url === "/api/repos/create") return exists ? [{ error: "there already" }, 409] : [{ url: `${origin}/me/hats`, id: "1" }];
	if (url.includes("/preupload/")) {
		const asked = (JSON.parse(body) as { files: { path: string }[] }).files;
		return [{ files: asked.map(({ path }) => ({ path, uploadMode: path.endsWith(".safetensors") ? "lfs" : "regular" })) }];
	}
	if (url.endsWith("/info/lfs/objects/batch")) {
		const { objects } = JSON.parse(body) as { objects: { oid: string; size: number }[] };
		return [
			{
				transfer: "basic",
				objects: objects.map((object) => ({ ...object, actions: { upload: { href: `${origin}/large/${object.oid}`, header: {} } } })),
			},
		];
	}
	if (url.startsWith("/large/")) files[url.slice(7)] = body;
	for (const line of url.includes("/commit/") ? body.trim().split("\n") : []) {
		const { key, value } = JSON.parse(line) as { key: string; value: { path: string; content: string; oid: string } };
		if (key === "file") files[value.path] = Buffer.from(value.content, "base64").toString();
		if (key === "lfsFile") files[value.path] = files[value.oid]!;
	}
	return [{ success: true, commitOid: "1", commitUrl: `${origin}/me/hats/commit/1` }];
}

function folderOf(): string {
	const folder = mkdtempSync(join(tmpdir(), "dak-push-"));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	mkdirSync(join(folder, "1_Pooling"));
	writeFileSync(join(folder, "1_Pooling", "config.json"), "{}");
	writeFileSync(join(folder, "model.safetensors"), "weights");
	return folder;
}

const hub = (endpoint: string) => ({ repo: "me/hats", private: true, title: "hats", hub: { endpoint, token: "hf_secret" } });

it.each([false, true])(
	"a folder's files arrive, small ones in the commit and large ones beside it (repository there: %s)",
	async (exists) => {
		const { endpoint, files, seen } = await hubThatTakes({ exists });
		expect(await pushFolder(folderOf(), hub(endpoint))).toBe(`${endpoint}/me/hats`);
		expect(files).toMatchObject({ "1_Pooling/config.json": "{}", "model.safetensors": "weights" });
		expect(seen.find(({ path }) => path === "/api/repos/create")?.authorization).toBe("Bearer hf_secret");
		// Storage has its own signature: the token stays with the hub.
		expect(seen.find(({ path }) => path.startsWith("/large/"))?.authorization).toBeUndefined();
	},
);

it("a refusal says what the hub answered, and never the token", async () => {
	const { endpoint } = await hubThatTakes({ status: 403 });
	const failed = pushFolder(folderOf(), hub(endpoint));
	await expect(failed).rejects.toMatchObject({ reason: "PERMISSION_DENIED", message: expect.not.stringContaining("hf_secret") });
});

it("a repository that is a path, and a push without a token, are refused before anything is sent", async () => {
	const { endpoint, seen } = await hubThatTakes();
	await expect(pushFolder(folderOf(), { ...hub(endpoint), repo: "../evil" })).rejects.toMatchObject({ reason: "INVALID_REQUEST" });
	await expect(pushFolder(folderOf(), { ...hub(endpoint), hub: { endpoint } })).rejects.toMatchObject({ reason: "UNAUTHENTICATED" });
	expect(seen).toEqual([]);
});
