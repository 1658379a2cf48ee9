/** Node, memory and disk. */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { availableParallelism, freemem, totalmem } from "node:os";
import { dirname } from "node:path";
import { type Finding, fail, ok, warn } from "./finding.js";

const GIB = 2 ** 30;
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** From package.json's engines. */
const LEAST_NODE = [20, 12] as const;

export function checkNode(version = process.versions.node): Finding {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const found = `${version} on ${process.platform} ${process.arch}, ${availableParallelism()} processors`;
	const enough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
	return enough ? ok("Node.js", found) : fail("Node.js", found, `install Node.js ${LEAST_NODE.join(".")} or later`);
}

/** What training a small model takes at its peak. */
const LEAST_MEMORY = 1.5 * GIB;

export function checkMemory(): Finding {
	// A container's own limit, where there is one.
	const limit = process.constrainedMemory();
	const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
	const free = Math.min(freemem(), total);
	const found = `${gib(free)} free of ${gib(total)}`;
	if (free >= LEAST_MEMORY) return ok("memory", found);
	return warn(
		"memory",
		found,
		`a training job wants ${gib(LEAST_MEMORY)} for a small model; end other programs, or lower training.batch_size`,
	);
}

/** The folder itself, or the nearest one above it that is there. */
function nearest(folder: string): string {
	return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

const [SOME_DISK, LEAST_DISK] = [2 * GIB, 0.2 * GIB];

export function checkDisk(dataDir: string): Finding {
	const folder = nearest(dataDir);
	try {
		accessSync(folder, constants.W_OK);
	} catch {
		return fail("disk", `${folder} cannot be written`, "name another folder in DAK_DATA_DIR, or give this user the right to write it");
	}
	const { bavail, bsize } = statfsSync(folder);
	const found = `${gib(bavail * bsize)} free for ${dataDir}`;
	if (bavail * bsize < LEAST_DISK) return fail("disk", found, "make room, or name another folder in DAK_DATA_DIR");
	return bavail * bsize < SOME_DISK ? warn("disk", found, "models and checkpoints take more than that; make room") : ok("disk", found);
}
