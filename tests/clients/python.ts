/** A Python that has the clients: one that is given, or a virtual environment of its own outside the repository, made once. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
const MODULES = "grpc, grpc_reflection, huggingface_hub, langchain_huggingface, langchain_openai, llama_index.embeddings, openai";

const has = (python: string): boolean => spawnSync(python, ["-c", `import ${MODULES}`]).status === 0;

/** Undefined where pip reaches nothing; says so. */
export function clientPython(): string | undefined {
	const given = process.env.DAK_TEST_PYTHON;
	if (given && has(given)) return given;
	const stamp = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 8);
	const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "dak", `clients-${stamp}`);
	const python = join(folder, "bin", "python");
	return existsSync(folder) || install(folder) ? python : undefined;
}

/** Made beside its place and moved there once whole; a virtual environment that is called by its path can be moved. */
function install(folder: string): boolean {
	const made = `${folder}.${process.pid}`;
	console.info("installing the Python clients (once) …");
	const steps: [string, string[]][] = [
		["python3", ["-m", "venv", made]],
		[join(made, "bin", "python"), ["-m", "pip", "install", "--quiet", "--retries", "1", "--requirement", REQUIREMENTS]],
	];
	for (const [command, args] of steps) {
		const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 600_000 });
		if (status === 0) continue;
		rmSync(made, { recursive: true, force: true });
		console.warn(`the Python clients are not tested, pip cannot install them: ${error?.message ?? stderr.trim().split("\n").at(-1)}`);
		return false;
	}
	renameSync(made, folder);
	return true;
}
