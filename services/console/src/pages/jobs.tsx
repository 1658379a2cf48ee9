/** All jobs, newest first, with what the machine does now. */
import { listJobs } from "../api/calls.js";
import { runs } from "../api/states.js";
import type { JobJson } from "../api/types.js";
import { bytes, count, duration, fixed, percent, plural } from "../format.js";
import { useHistory } from "../live/use-history.js";
import { usePolled } from "../live/use-polled.js";
import { Badge, Bar, Created, Empty, Failure, Figures, Loading } from "../parts/basics.js";
import { Sparkline } from "../parts/sparkline.js";
import { hrefOf } from "../route.js";

const EVERY_MS = 2000;
/** A browser keeps six connections to a server open, and each followed job takes one. */
const MOST_FOLLOWED = 2;

export function JobsPage() {
	const { value, error } = usePolled(listJobs, EVERY_MS);
	const jobs = value?.jobs;
	return (
		<section>
			<div class="title">
				<h1>Jobs</h1>
				<a class="button primary" href={hrefOf("new")}>
					New job
				</a>
			</div>
			{error !== undefined && <Failure>{error}</Failure>}
			{!jobs && error === undefined && <Loading />}
			{jobs && jobs.length > 0 && (
				<>
					<Machine jobs={jobs} />
					<JobTable jobs={jobs} />
				</>
			)}
			{jobs?.length === 0 && (
				<Empty title="No jobs yet">
					<p>Drop a file of your own texts, and a model learns their words.</p>
					<a class="button primary" href={hrefOf("new")}>
						Start the first one
					</a>
				</Empty>
			)}
		</section>
	);
}

/** Queue, throughput and memory over all jobs that run. */
function Machine({ jobs }: { readonly jobs: readonly JobJson[] }) {
	const running = jobs.filter(({ state }) => runs(state));
	const sum = (of: (job: JobJson) => number | undefined) => running.reduce((total, job) => total + (of(job) ?? 0), 0);
	const speed = sum((job) => job.progress?.tokens_per_second);
	const memory = sum((job) => job.progress?.memory_bytes);
	return (
		<Figures
			items={[
				["Running", count(running.length)],
				["In the queue", count(jobs.filter(({ state }) => state === "queued" || state === "interrupted").length)],
				["Throughput", speed > 0 ? `${count(speed)} tokens/s` : "–"],
				["Memory", memory > 0 ? bytes(memory) : "–"],
			]}
		/>
	);
}

function JobTable({ jobs }: { readonly jobs: readonly JobJson[] }) {
	const followed = new Set(
		jobs
			.filter(({ state }) => runs(state))
			.slice(0, MOST_FOLLOWED)
			.map(({ id }) => id),
	);
	return (
		<table class="cards">
			<thead>
				<tr>
					<th scope="col">Adapter</th>
					<th scope="col">State</th>
					<th scope="col">Progress</th>
					<th scope="col">Loss</th>
					<th scope="col">Throughput</th>
					<th scope="col">Memory</th>
					<th scope="col">Created</th>
				</tr>
			</thead>
			<tbody>
				{jobs.map((job) => (followed.has(job.id) ? <LiveRow key={job.id} job={job} /> : <Row key={job.id} job={job} losses={[]} />))}
			</tbody>
		</table>
	);
}

function LiveRow({ job }: { readonly job: JobJson }) {
	const { history } = useHistory(job.id);
	return <Row job={history.progress ? { ...job, progress: history.progress as JobJson["progress"] } : job} losses={history.losses} />;
}

function Row({ job: { id, state, spec, progress, created_at }, losses }: { readonly job: JobJson; readonly losses: readonly number[] }) {
	return (
		<tr>
			<th scope="row">
				<a href={hrefOf("jobs", id)}>{spec.adapter_name ?? id}</a>
				<span class="under">{spec.base_model}</span>
			</th>
			<td data-label="State">
				<Badge state={state} />
			</td>
			<td data-label="Progress">
				{progress ? (
					<>
						<Bar value={progress.step} max={progress.total_steps} label={`Progress of ${spec.adapter_name ?? id}`} />
						<span class="under">
							{percent(progress.step / Math.max(1, progress.total_steps))} of {plural(progress.total_steps, "step")}
							{runs(state) && progress.eta_seconds > 0 && ` · ${duration(progress.eta_seconds)} left`}
						</span>
					</>
				) : (
					"–"
				)}
			</td>
			<td data-label="Loss" class="number">
				{fixed(progress?.loss)}
				<Sparkline values={losses} />
			</td>
			<td data-label="Throughput" class="number">
				{progress ? `${count(progress.tokens_per_second)} tokens/s` : "–"}
			</td>
			<td data-label="Memory" class="number">
				{progress ? bytes(progress.memory_bytes) : "–"}
			</td>
			<td data-label="Created" class="number">
				<Created at={created_at} />
			</td>
		</tr>
	);
}
