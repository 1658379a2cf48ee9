/** Pages by the address' fragment: the server knows one page alone, and reloading keeps the place. */
import { useEffect, useState } from "preact/hooks";

export interface Place {
	/** jobs, new, adapters, playground */
	readonly page: string;
	/** What follows: a job's id. */
	readonly rest: string;
	readonly query: URLSearchParams;
}

function placeOf(hash: string): Place {
	const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
	const [page = "", ...rest] = path.split("/");
	return { page: page === "" ? "jobs" : page, rest: rest.map(decodeURIComponent).join("/"), query: new URLSearchParams(query) };
}

export const hrefOf = (page: string, rest?: string): string => `#/${page}${rest === undefined ? "" : `/${encodeURIComponent(rest)}`}`;

export function go(href: string): void {
	location.hash = href;
}

export function usePlace(): Place {
	const [place, setPlace] = useState(() => placeOf(location.hash));
	useEffect(() => {
		const read = () => setPlace(placeOf(location.hash));
		addEventListener("hashchange", read);
		return () => removeEventListener("hashchange", read);
	}, []);
	return place;
}
