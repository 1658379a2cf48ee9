/** A base model's fingerprint: what an adapter must have been trained on to fit. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { join } from "node:path";
import { weightFiles } from "./weights.js";

/** Fingerprints of folders whose files are unchanged by path, size and time: train-service asks again for each job, of up to gigabytes. */
const known = new Map<string, string>();
const MOST_KNOWN = 64;

/** `sha256:` and the hex SHA-256 over config.json and the weights. */
export async function fingerprintOf(folder: string): Promise<string> {
	const paths = ["config.json", ...weightFiles(folder)].map((name) => join(folder, name));
	const identity = paths.map((path) => identityOf(path)).join("|");
	const before = known.get(identity);
	if (before !== undefined) return before;
	const hash = createHash("sha256");
	for (const path of paths) for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
	const fingerprint = `sha256:${hash.digest("hex")}`;
	if (known.size >= MOST_KNOWN) known.clear();
	known.set(identity, fingerprint);
	return fingerprint;
}

function identityOf(path: string): string {
	const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
	return [path, dev, ino, size, mtimeNs, ctimeNs].join(":");
}
