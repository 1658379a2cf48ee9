import { randomUUID } from "node:crypto";

const VALID = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's request id where it is harmless to log and to send back, else a new one. */
export function requestIdFrom(given: string | undefined): string {
	return given !== undefined && VALID.test(given) ? given : randomUUID();
}
