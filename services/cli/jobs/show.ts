/** Jobs as people read them. */
import type { JobJson } from "@dak/shared/client";
import { table } from "../command/index.js";
import { clock, type Terminal } from "../terminal.js";

export function paintState(terminal: Terminal, state: string): string {
	if (state === "succeeded") return terminal.green(state);
	return state === "failed" ? terminal.red(state) : state === "interrupted" ? terminal.yellow(state) : state;
}

const when = (iso: string | undefined): string => (iso === undefined ? "" : iso.slice(0, 19).replace("T", " "));

export function jobTable(jobs: readonly JobJson[]): string[] {
	return table(
		["id", "state", "step", "adapter", "base", "created (UTC)"],
		jobs.map(({ id, state, progress, spec, created_at }) => [
			id,
			state,
			progress ? `${progress.step}/${progress.total_steps}` : "",
			spec.adapter_name ?? "",
			spec.base_model,
			when(created_at),
		]),
	);
}

const seconds = ({ started_at, finished_at }: JobJson): string =>
	started_at === undefined ? "" : ` (${clock(((finished_at ? Date.parse(finished_at) : Date.now()) - Date.parse(started_at)) / 1000)})`;

/** One line a fact. */
export function jobLines(terminal: Terminal, job: JobJson): string[] {
	const { id, state, spec, progress, error, adapter_path, created_at, started_at, finished_at, restarts } = job;
	const rows: [string, string | undefined][] = [
		["job", id],
		["state", paintState(terminal, state)],
		["why", error && `${error.reason}: ${error.message}`],
		["adapter", spec.adapter_name],
		["base", spec.base_model],
		["dataset", JSON.stringify(spec.dataset)],
		[
			"step",
			progress &&
				`${progress.step}/${progress.total_steps}  loss ${progress.loss.toFixed(3)}  ${Math.round(progress.tokens_per_second)} tokens/s`,
		],
		["created", when(created_at)],
		["started", started_at && when(started_at)],
		["finished", finished_at && `${when(finished_at)}${seconds(job)}`],
		["restarts", restarts > 0 ? String(restarts) : undefined],
		["published", adapter_path],
	];
	return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${terminal.dim(name.padEnd(10))} ${value}`]));
}
