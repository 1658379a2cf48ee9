/** A lock between processes by a file that its holder keeps touching: what a killed holder leaves counts for nothing soon after. */
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const TOUCH_MS = 2_000;
const STALE_MS = 15_000;
const ASK_MS = 250;

/** Runs `work` while no other process runs work under `path`. `onWait` is called once if there is another. */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait: () => void = () => {}): Promise<T> {
	mkdirSync(dirname(path), { recursive: true });
	for (let waits = 0; !take(path); waits++) {
		if (waits === 0) onWait();
		await pause(ASK_MS);
	}
	const touch = setInterval(() => touchIfThere(path), TOUCH_MS);
	try {
		return await work();
	} finally {
		clearInterval(touch);
		rmSync(path, { force: true });
	}
}

/** Somebody may have cleared the folder away; in a timer that would end the process. */
function touchIfThere(path: string): void {
	try {
		utimesSync(path, new Date(), new Date());
	} catch {
		// The work itself finds out.
	}
}

function take(path: string): boolean {
	try {
		closeSync(openSync(path, "wx"));
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		if (isStale(path)) rmSync(path, { force: true });
		return false;
	}
}

function isStale(path: string): boolean {
	try {
		return Date.now() - statSync(path).mtimeMs > STALE_MS;
	} catch {
		return false;
	}
}
