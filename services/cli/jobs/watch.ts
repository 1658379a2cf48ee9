/** Watching a job from the command line: progress as it comes, and an exit code that follows the job. */
import { type DakClient, isTerminal, type JobJson } from "@dak/shared/client";
import { type Cli, EXIT, Interrupted } from "../command/index.js";
import { onInterruption } from "../interruption.js";
import { drawEvents, withNotes } from "./follow.js";

/** 0 for a job that succeeded. */
export function exitCodeOf({ state }: Pick<JobJson, "state">): number {
	if (state === "succeeded") return 0;
	return state === "cancelled" ? EXIT.cancelled : EXIT.failed;
}

/** Draws a job's events until it ends, and returns it. @throws Interrupted by Ctrl-C: the job goes on */
export async function watchToEnd(cli: Cli, dak: DakClient, id: string, { json = false, from = 1 } = {}): Promise<JobJson> {
	// A job that is not there, or a service, is told at once, not waited for.
	await dak.jobs.get(id);
	const interruption = onInterruption();
	const { signal } = interruption;
	let last = from - 1;
	const watch = async function* (options: Parameters<DakClient["jobs"]["watch"]>[1]) {
		for await (const event of dak.jobs.watch(id, { ...options, fromSequence: from, signal })) {
			last = event.sequence;
			yield event;
		}
	};
	try {
		if (json) for await (const event of watch({})) cli.json(event);
		else await drawEvents(withNotes(watch, cli.out), cli.out);
		return await dak.jobs.get(id);
	} catch (error) {
		if (!signal.aborted) throw error;
		throw new Interrupted(
			`${id} goes on without this terminal. To see on: dak jobs watch ${id} --from ${last + 1}; to end it: dak jobs cancel ${id}`,
		);
	} finally {
		interruption.dispose();
	}
}

/** Tells how a job ended, and sets the exit code. */
export async function tellEnd(cli: Cli, dak: DakClient, job: JobJson): Promise<void> {
	cli.exitCode = exitCodeOf(job);
	if (!isTerminal(job.state)) return;
	if (job.state !== "succeeded") {
		cli.err.line(`${cli.err.red(`${job.id} ${job.state}`)}${job.error ? `: ${job.error.message}` : ""}`);
		return;
	}
	// A report that cannot be had does not unmake the job.
	const report = await dak.jobs.report(job.id).catch((): Record<string, unknown> => ({}));
	const adapter = job.spec.adapter_name;
	cli.out.line(`${cli.out.green("succeeded")}${typeof report.verdict === "string" ? `, verdict ${report.verdict}` : ""}`);
	if (typeof report.summary === "string") cli.out.line(`  ${report.summary}`);
	if (job.adapter_path === undefined) {
		cli.out.line("  not published: its verdict does not allow it, or publish says never");
		return;
	}
	cli.out.line(`  adapter   ${adapter}  ${cli.out.dim(job.adapter_path)}`);
	cli.out.line(`  try it    dak similarity "one text" "another" --adapter ${adapter}`);
}
