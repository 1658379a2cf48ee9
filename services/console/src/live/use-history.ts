import { useEffect, useState } from "preact/hooks";
import { jobEvents } from "../api/events.js";
import { wordsOf } from "../api/http.js";
import type { JobEventJson } from "../api/types.js";
import { type History, NO_HISTORY, withEvents } from "./history.js";

/** Drawn at most this often, however fast steps come. */
const DRAW_MS = 150;

export interface Followed {
	readonly history: History;
	/** The stream is cut off, and being taken up again. */
	readonly cut: boolean;
	readonly error: string | undefined;
}

/** A job's events from the first on, followed until it ends. `turn` changes when it was resumed. */
export function useHistory(id: string, turn = 0): Followed {
	const [history, setHistory] = useState(NO_HISTORY);
	const [cut, setCut] = useState(false);
	const [error, setError] = useState<string>();
	// a new turn follows again
	useEffect(() => {
		const gone = new AbortController();
		let waiting: JobEventJson[] = [];
		let timer: ReturnType<typeof setTimeout> | undefined;
		const draw = () => {
			timer = undefined;
			const events = waiting;
			waiting = [];
			setHistory((before) => withEvents(before, events));
		};
		const follow = async () => {
			for await (const lot of jobEvents(id, gone.signal, setCut)) {
				waiting.push(...lot);
				timer ??= setTimeout(draw, DRAW_MS);
			}
		};
		setHistory(NO_HISTORY);
		setError(undefined);
		follow().catch((failure: unknown) => {
			if (!gone.signal.aborted) setError(wordsOf(failure));
		});
		return () => {
			gone.abort();
			clearTimeout(timer);
		};
	}, [id, turn]);
	return { history, cut, error };
}
