/** The API key: entered once, kept for this tab's session, sent to this origin alone. */
const NAME = "dak.api-key";

type Listener = (why: string) => void;
const listeners = new Set<Listener>();

/** Empty where none was entered. */
export const apiKey = (): string => sessionStorage.getItem(NAME) ?? "";

export function setApiKey(key: string): void {
	if (key === "") sessionStorage.removeItem(NAME);
	else sessionStorage.setItem(NAME, key);
}

/** Tells the page that a request was refused for want of a key. */
export function askForKey(why: string): void {
	for (const listener of listeners) listener(why);
}

/** @returns what takes the listener away again */
export function onKeyNeeded(listener: Listener): () => void {
	listeners.add(listener);
	return () => listeners.delete(listener);
}
