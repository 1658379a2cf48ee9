#!/usr/bin/env node
// `dak` of a checkout builds what is missing first; in an installed package everything is there.
import { existsSync } from "node:fs";

const installed = new URL("../node_modules/@dak/cli/dist/main.js", import.meta.url);
if (existsSync(new URL("../package-lock.json", import.meta.url))) {
	process.argv.splice(2, 0, "dak");
	await import("./run.mjs");
} else await import(installed.href);
