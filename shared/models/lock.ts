/**
 * A lock between processes by a file that its holder keeps touching: what a killed holder leaves counts for nothing soon after. A
 * waiter looks for how long it has seen no touch: the file's time, beside a clock that was set since, tells nothing for sure.
 */
import { closeSync, mkdirSync, openSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const TOUCH_MS = 2_000;
const STALE_MS = 15_000;
/** A living holder touches its file more than once in that time. */
const WATCH_MS = 5_000;
const ASK_MS = 250;

/** Runs `work` while no other process runs work under `path`. `onWait` is called once if there is another. */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait: () => void = () => {}): Promise<T> {
	mkdirSync(dirname(path), { recursive: true });
	const watch = new Watch(path);
	for (let waits = 0; !take(path, watch); waits++) {
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

function take(path: string, watch: Watch): boolean {
	try {
		closeSync(openSync(path, "wx"));
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		if (watch.isStale()) rmSync(path, { force: true });
		return false;
	}
}

/** A lock's file as one who waits for it sees it. */
class Watch {
	#touchedMs: number | undefined;
	#since = 0;

	constructor(private readonly path: string) {}

	isStale(): boolean {
		const touchedMs = statSync(this.path, { throwIfNoEntry: false })?.mtimeMs;
		if (touchedMs === undefined) return false;
		if (touchedMs !== this.#touchedMs) {
			this.#touchedMs = touchedMs;
			this.#since = performance.now();
		}
		const unseenMs = performance.now() - this.#since;
		return unseenMs > STALE_MS || (unseenMs > WATCH_MS && Date.now() - touchedMs > STALE_MS);
	}
}
