/** A job's log lines and state changes. */
import { type DakClient, isTerminal, type JobEventJson, type JobJson } from "@dak/shared/client";
import type { Cli } from "../command/index.js";
import { onInterruption } from "../interruption.js";

/** A running job's stream that says nothing for so long has been read to its present end. */
const QUIET_MS = 500;
/** The first event may take longer: a connection has to be made. */
const FIRST_MS = 5_000;

/** Whether an event is where the job was when it was asked for: a running job always has more to say. */
function presentOf({ progress, restarts }: JobJson): (event: JobEventJson) => boolean {
	let taken = 0;
	return (event) => {
		if (event.type === "state" && event.from === "interrupted") taken++;
		return event.type === "progress" && progress !== undefined && taken >= restarts && event.step >= progress.step;
	};
}

function lineOf(cli: Cli, event: JobEventJson): string | undefined {
	const at = cli.out.dim(event.time.slice(11, 19));
	if (event.type === "log") {
		const level = event.level === "info" ? "info " : cli.out.yellow(event.level.padEnd(5));
		return `${at} ${level} ${event.message}`;
	}
	if (event.type === "state") return `${at} state ${event.from} → ${event.to}${event.reason ? `: ${event.reason}` : ""}`;
	return event.type === "evaluation" ? `${at} eval  ${JSON.stringify(event.values)}` : undefined;
}

/** Prints what is there; with `follow`, on until the job ends. */
export async function printLogs(cli: Cli, dak: DakClient, id: string, { follow, json }: { follow: boolean; json: boolean }): Promise<void> {
	const job = await dak.jobs.get(id);
	const toItsEnd = follow || isTerminal(job.state);
	const isPresent = presentOf(job);
	const interruption = onInterruption();
	const caughtUp = new AbortController();
	let timer = setTimeout(() => toItsEnd || caughtUp.abort(), FIRST_MS);
	const signal = AbortSignal.any([interruption.signal, caughtUp.signal]);
	try {
		for await (const event of dak.jobs.watch(id, { signal })) {
			clearTimeout(timer);
			if (!toItsEnd) timer = setTimeout(() => caughtUp.abort(), QUIET_MS);
			const line = lineOf(cli, event);
			if (line !== undefined && json) cli.json(event);
			else if (line !== undefined) cli.out.line(line);
			if (isPresent(event) && !toItsEnd) break;
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	} finally {
		clearTimeout(timer);
		interruption.dispose();
	}
}
