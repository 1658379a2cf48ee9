/** An answer, asked for again and again while someone looks at the page. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiFailure, wordsOf } from "../api/http.js";

export interface Polled<T> {
	readonly value: T | undefined;
	/** Why the last question failed; the value before it stays. */
	readonly error: string | undefined;
	readonly again: () => void;
}

/** `ask` has to be stable. Without `everyMs` it is asked once. */
export function usePolled<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs?: number): Polled<T> {
	const [answer, setAnswer] = useState<{ value?: T; error?: string }>({});
	const [turn, setTurn] = useState(0);
	const again = useCallback(() => setTurn((n) => n + 1), []);
	// a new turn asks again
	useEffect(() => {
		const gone = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const round = async () => {
			if (!document.hidden) {
				try {
					setAnswer({ value: await ask(gone.signal) });
				} catch (error) {
					if (gone.signal.aborted) return;
					setAnswer((before) => ({ ...before, error: wordsOf(error) }));
					// A key that is entered makes the page anew; asking on would only ask for it again and again.
					if (error instanceof ApiFailure && error.status === 401) return;
				}
			}
			if (everyMs !== undefined && !gone.signal.aborted) timer = setTimeout(round, everyMs);
		};
		void round();
		return () => {
			gone.abort();
			clearTimeout(timer);
		};
	}, [ask, everyMs, turn]);
	return { value: answer.value, error: answer.error, again };
}
