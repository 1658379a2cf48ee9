/** What went wrong, as one line for a person. */
export function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	// fetch() says only that it failed; why is in its cause.
	const why = error.message === "fetch failed" && error.cause instanceof Error ? `: ${error.cause.message}` : "";
	return error.message + why;
}
