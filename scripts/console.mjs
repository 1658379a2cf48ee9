// Builds the web console where its sources are newer than what was built: a second where it does, nothing where it does not.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "services", "console");

/** The newest change below a folder, or of a file. */
function newest(path) {
	const stat = statSync(path);
	if (!stat.isDirectory()) return stat.mtimeMs;
	return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale() {
	const built = join(folder, "dist", "index.html");
	if (!existsSync(built)) return true;
	const sources = ["src", "index.html", "vite.config.mjs", "package.json"].map((name) => join(folder, name));
	return Math.max(...sources.map(newest)) > statSync(built).mtimeMs;
}

if (isStale()) {
	const { build } = await import("vite");
	await build({ root: folder, configFile: join(folder, "vite.config.mjs"), logLevel: "warn" });
}
