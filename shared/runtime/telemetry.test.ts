import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { entryPoint } from "./index.js";

const run = promisify(execFile);

/** Files that ONNX Runtime leaves in an empty home folder: with telemetry on, its device id and the events that it is about to send. */
async function leftBehind(where: string): Promise<string[]> {
	const home = mkdtempSync(join(tmpdir(), "dak-home-"));
	onTestFinished(() => rmSync(home, { recursive: true, force: true }));
	const { file, execArgv } = entryPoint(new URL("./testing/x.ts", import.meta.url).href, "open-session");
	// In CI, ONNX Runtime is silent by itself.
	const { CI, GITHUB_ACTIONS, TF_BUILD, XDG_CACHE_HOME, ORT_DISABLE_TELEMETRY, ...env } = process.env;
	await run(process.execPath, [...execArgv, file, where], { env: { ...env, HOME: home } });
	return readdirSync(home, { recursive: true }) as string[];
}

it.each(["thread", "worker"])("ONNX Runtime started in a %s writes no device id and no events", async (where) => {
	expect(await leftBehind(where)).toEqual([]);
});
