// Every npm command comes through here: it installs and builds what is missing, then runs the command's own program.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** Runs a program to its end in the project's root; ends this process where it fails. Its output goes to stderr. */
function step(command, args) {
	const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
	if (error) throw error;
	if (status !== 0) process.exit(status ?? 1);
}

/** The lock file that npm writes into node_modules is older than the project's: something is missing. */
function needsInstall() {
	const installed = join(root, "node_modules", ".package-lock.json");
	return !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs;
}

if (needsInstall()) step(npm, ["ci", "--include=dev", "--no-audit", "--no-fund"]);
step(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"]);
step(process.execPath, [join(root, "scripts", "console.mjs")]);

const programs = {
	start: ["services/cli/dist/start.js"],
	demo: ["services/cli/dist/demo/main.js"],
	bench: ["services/cli/dist/bench/main.js"],
	models: ["services/cli/dist/main.js", "models"],
	dak: ["services/cli/dist/main.js"],
	test: ["node_modules/vitest/vitest.mjs", "run", "--root", root],
};
const [name, ...rest] = process.argv.slice(2);
const program = programs[name];
if (!program) {
	console.error(`unknown command ${name}; one of: ${Object.keys(programs).join(", ")}`);
	process.exit(2);
}
await import("./exec.mjs").then(({ exec }) => exec(program, rest, root));
