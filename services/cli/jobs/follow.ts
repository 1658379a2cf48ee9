/** A job's progress, drawn as it comes. */
import type { JobEventJson, JobStateName, WatchOptions } from "@dak/shared/client";
import type { Terminal } from "../terminal.js";
import { liveProgress, plainProgress } from "./progress-line.js";

export interface Drawn {
	/** Steps that were seen. */
	readonly events: number;
	readonly firstLoss: number | undefined;
	/** Mean of the last ten steps. */
	readonly lastLoss: number | undefined;
	readonly reason: string;
	readonly state: JobStateName;
	/** Sequence of the last event. */
	readonly sequence: number;
}

/** Lines that a run leaves in a pipe. */
const MILESTONES = 8;

/** Draws events until there are no more. */
export async function drawEvents(events: AsyncIterable<JobEventJson>, terminal: Terminal): Promise<Drawn> {
	const losses: number[] = [];
	let steps = 0;
	let lastStep = 0;
	let firstLoss: number | undefined;
	let state: JobStateName = "queued";
	let reason = "";
	let sequence = 0;
	for await (const event of events) {
		sequence = event.sequence;
		if (event.type === "progress") {
			const { step, total_steps } = event;
			// A job that was interrupted goes back to an earlier step, and its curve begins again.
			if (step <= lastStep) losses.length = 0;
			lastStep = step;
			steps++;
			firstLoss ??= event.loss;
			losses.push(event.loss);
			const milestone = step === 1 || step === total_steps || step % Math.max(1, Math.round(total_steps / MILESTONES)) === 0;
			terminal.status(terminal.isTty ? liveProgress(event, losses, terminal.columns) : plainProgress(event), milestone);
		} else if (event.type === "state") {
			({ to: state, reason } = event);
			terminal.line(terminal.dim(`  ${state}`));
		} else if (event.type === "log") terminal.line(terminal.dim(`  ${event.message}`));
	}
	const last = losses.slice(-10);
	return {
		events: steps,
		firstLoss,
		lastLoss: last.length > 0 ? last.reduce((a, b) => a + b, 0) / last.length : undefined,
		state,
		reason,
		sequence,
	};
}

/** Says when a connection is lost, once until it is back. */
export function tellReconnects(terminal: Terminal): Required<Pick<WatchOptions, "onReconnect">> & { heard(): void } {
	let lost = false;
	return {
		onReconnect({ error }) {
			if (!lost) terminal.line(terminal.yellow(`  connection lost (${error.message}); trying again`));
			lost = true;
		},
		heard() {
			if (lost) terminal.line(terminal.green("  connected again"));
			lost = false;
		},
	};
}

/** The same events, with a note where the connection was lost and found again. */
export async function* withNotes(
	watch: (options: WatchOptions) => AsyncIterable<JobEventJson>,
	terminal: Terminal,
): AsyncGenerator<JobEventJson> {
	const { onReconnect, heard } = tellReconnects(terminal);
	for await (const event of watch({ onReconnect })) {
		heard();
		yield event;
	}
}
