/** Ctrl-C, SIGTERM and a closed terminal as one AbortSignal, so that whoever started something can end it in order. */

export interface Interruption {
	/** Aborted by the first signal. */
	readonly signal: AbortSignal;
	/** Signals have their usual effect again. */
	dispose(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A signal to a whole process group comes twice where a parent hands it on: that is no second Ctrl-C. */
const SAME_MS = 500;

/** Listens until disposed. A second signal ends this process at once, with what it has started. */
export function onInterruption(): Interruption {
	const controller = new AbortController();
	let first = 0;
	const heard = (name: NodeJS.Signals) => {
		if (!controller.signal.aborted) {
			first = performance.now();
			controller.abort(name);
		} else if (performance.now() - first > SAME_MS) process.exit(130);
	};
	for (const name of SIGNALS) process.on(name, heard);
	return {
		signal: controller.signal,
		dispose() {
			for (const name of SIGNALS) process.off(name, heard);
		},
	};
}

/** Resolves when the signal is aborted, at once if it already is. */
export const aborted = (signal: AbortSignal): Promise<void> =>
	new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
