/** How a command's failure is told, and the exit code that it gets. */
import { type ApiReason, DakApiError } from "@dak/shared/client";
import { DakError } from "@dak/shared/errors";
import { CommanderError } from "commander";
import { reasonOf } from "../failure.js";
import type { Cli } from "./cli.js";

export const EXIT = {
	failed: 1,
	/** The command line itself is wrong. */
	usage: 2,
	/** A job that was cancelled. */
	cancelled: 3,
	interrupted: 130,
} as const;

/** Ended by Ctrl-C; the message says what goes on. */
export class Interrupted extends Error {}

/** What a person can do about it. */
const ADVICE: Partial<Record<ApiReason, string>> = {
	UNREACHABLE: "Start both services with: dak up. Elsewhere? --train and --embed name their addresses; dak doctor looks around.",
	UNAUTHENTICATED: "Put the key into the variable DAK_API_KEY.",
	ROUTE_NOT_FOUND: "The service does not know this call; it may be older than this dak.",
	ADAPTER_NOT_FOUND: "dak adapters list shows what is served.",
	JOB_NOT_FOUND: "dak jobs list shows the jobs.",
	MODEL_NOT_FOUND: "dak models pull NAME fetches a base model; dak models list shows those that are here.",
	OVERLOADED: "The service has too much waiting; try again later.",
};

/** Tells a failure on stderr and sets the exit code. */
export function tell(cli: Cli, error: unknown, asJson: boolean): void {
	if (error instanceof CommanderError) {
		// commander has printed it already; help and version are no failures.
		cli.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
		return;
	}
	cli.exitCode = error instanceof Interrupted ? EXIT.interrupted : EXIT.failed;
	if (asJson) {
		cli.io.err.write(`${JSON.stringify({ error: problemOf(error) })}\n`);
		return;
	}
	cli.err.line(`${cli.err.red("dak:")} ${reasonOf(error)}`);
	for (const { pointer, detail } of fieldsOf(error)) cli.err.line(`  ${pointer}: ${detail}`);
	const advice = error instanceof DakApiError || error instanceof DakError ? ADVICE[error.reason] : undefined;
	if (advice) cli.err.line(cli.err.dim(advice));
}

/** Single fields stand in the message already. */
function fieldsOf(error: unknown) {
	const fields = error instanceof DakApiError ? error.errors : [];
	return fields.length > 1 ? fields : [];
}

function problemOf(error: unknown): Record<string, unknown> {
	if (error instanceof DakApiError) return error.toJSON();
	if (error instanceof DakError) return { reason: error.reason, detail: error.message, errors: error.fields };
	return { reason: error instanceof Interrupted ? "INTERRUPTED" : "FAILED", detail: reasonOf(error) };
}
