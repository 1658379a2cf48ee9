import { spawn } from "node:child_process";
import { join } from "node:path";

/** Runs a Node program in the caller's folder, hands on its signals, and ends with its exit code. */
export function exec([file, ...first], rest, root) {
	const child = spawn(process.execPath, ["--enable-source-maps", join(root, file), ...first, ...rest], {
		stdio: "inherit",
		cwd: process.env.INIT_CWD ?? root,
	});
	// A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone is handed on.
	process.on("SIGINT", () => {});
	process.on("SIGTERM", () => child.kill("SIGTERM"));
	child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
