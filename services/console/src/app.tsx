/** The frame around every page: navigation, the key, and what the address asks for. */
import { useEffect, useRef, useState } from "preact/hooks";
import { apiKey } from "./api/key.js";
import { AdaptersPage } from "./pages/adapters.js";
import { JobPage } from "./pages/job.js";
import { JobsPage } from "./pages/jobs.js";
import { NewJobPage } from "./pages/new-job.js";
import { PlaygroundPage } from "./pages/playground.js";
import { KeyDialog } from "./parts/key-dialog.js";
import { hrefOf, type Place, usePlace } from "./route.js";

const PAGES = [
	["jobs", "Jobs"],
	["new", "New job"],
	["adapters", "Adapters"],
	["playground", "Playground"],
] as const;

export function App() {
	const place = usePlace();
	const [keyTurn, setKeyTurn] = useState(0);
	const [asking, setAsking] = useState(false);
	const main = useRef<HTMLElement>(null);
	useTitle(place);
	useFocusOnChange(place, main);
	return (
		<>
			<button type="button" class="skip" onClick={() => main.current?.focus()}>
				To the content
			</button>
			<header class="top">
				<a class="brand" href={hrefOf("jobs")}>
					<Mark />
					<span>Domain Adapter Kit</span>
				</a>
				<nav aria-label="Pages">
					{PAGES.map(([page, title]) => (
						<a key={page} href={hrefOf(page)} aria-current={place.page === page ? "page" : undefined}>
							{title}
						</a>
					))}
				</nav>
				<button type="button" class="quiet key" onClick={() => setAsking(true)}>
					{apiKey() === "" ? "API key" : "API key ✓"}
				</button>
			</header>
			{/* A new key asks everything again. */}
			<main id="main" ref={main} tabIndex={-1} key={keyTurn}>
				<Page {...place} />
			</main>
			<footer>
				<a href="/docs">API</a>
				<a href="/openapi.json">OpenAPI</a>
				<a href="/metrics">Metrics</a>
			</footer>
			<KeyDialog asked={asking} onClose={() => setAsking(false)} onChange={() => setKeyTurn((n) => n + 1)} />
		</>
	);
}

function Page({ page, rest, query }: Place) {
	if (page === "jobs") return rest === "" ? <JobsPage /> : <JobPage key={rest} id={rest} />;
	if (page === "new") return <NewJobPage />;
	if (page === "adapters") return <AdaptersPage />;
	if (page === "playground") return <PlaygroundPage first={query.get("adapter") ?? undefined} />;
	return (
		<section>
			<h1>No such page</h1>
			<p>
				<a href={hrefOf("jobs")}>To the jobs</a>
			</p>
		</section>
	);
}

function useTitle({ page, rest }: Place): void {
	useEffect(() => {
		const title = PAGES.find(([name]) => name === page)?.[1] ?? "No such page";
		document.title = `${rest === "" ? title : `Job ${rest}`} · Domain Adapter Kit`;
	}, [page, rest]);
}

/** A page that changes under the reader takes the focus with it, but not at the first look. */
function useFocusOnChange({ page, rest }: Place, main: { readonly current: HTMLElement | null }): void {
	const seen = useRef(`${page}/${rest}`);
	useEffect(() => {
		if (seen.current === `${page}/${rest}`) return;
		seen.current = `${page}/${rest}`;
		main.current?.focus({ preventScroll: true });
		scrollTo(0, 0);
	}, [page, rest, main]);
}

function Mark() {
	return (
		<svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
			<rect class="mark-ground" width="32" height="32" rx="7" />
			<path d="M7 23c4-1 5-14 9-14s5 9 9 8" class="mark-line" />
			<circle cx="25" cy="17" r="3" class="mark-dot" />
		</svg>
	);
}
