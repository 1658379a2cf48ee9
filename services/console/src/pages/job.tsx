/** One job: its curve while it runs, what was measured when it has ended. */
import { useCallback, useState } from "preact/hooks";
import { cancelJob, getJob, pauseJob, resumeJob } from "../api/calls.js";
import { wordsOf } from "../api/http.js";
import { canResume, hasEnded, rests } from "../api/states.js";
import type { JobJson } from "../api/types.js";
import { useHistory } from "../live/use-history.js";
import { usePolled } from "../live/use-polled.js";
import { Badge, Created, Failure, Loading } from "../parts/basics.js";
import { LogLines, Phases, Settings } from "../parts/job-record.js";
import { Training } from "../parts/training.js";
import { ReportSection } from "../report/report.js";
import { hrefOf } from "../route.js";

const EVERY_MS = 2000;

export function JobPage({ id }: { readonly id: string }) {
	const ask = useCallback((signal: AbortSignal) => getJob(id, signal), [id]);
	const { value: job, error, again } = usePolled(ask, EVERY_MS);
	const [turn, setTurn] = useState(0);
	const { history, cut, error: streamError } = useHistory(id, turn);
	const followed = () => {
		setTurn((n) => n + 1);
		again();
	};
	const failed = error ?? streamError;
	if (!job)
		return (
			<section>
				<h1>Job</h1>
				{error === undefined ? <Loading /> : <Failure>{error}</Failure>}
			</section>
		);
	return (
		<section>
			<Head job={job} onChange={again} onResumed={followed} />
			{failed !== undefined && <Failure>{failed}</Failure>}
			{cut && <p class="notice wait">The connection is cut off; it is taken up again where it was.</p>}
			{job.error && (
				<Failure>
					<strong>{job.error.reason}</strong> {job.error.message}
				</Failure>
			)}
			{job.adapter_path !== undefined && <Published job={job} />}
			<Training history={history} job={job} />
			{hasEnded(job.state) && <ReportSection id={id} state={job.state} />}
			<Phases phases={history.phases} ended={hasEnded(job.state)} />
			<LogLines lines={history.log} />
			<Settings spec={job.spec} />
		</section>
	);
}

interface HeadProps {
	readonly job: JobJson;
	readonly onChange: () => void;
	readonly onResumed: () => void;
}

function Head({ job: { id, state, spec, created_at }, onChange, onResumed }: HeadProps) {
	const [error, setError] = useState<string>();
	const act = async (call: () => Promise<unknown>, then: () => void) => {
		setError(undefined);
		await call().then(then, (failure: unknown) => setError(wordsOf(failure)));
	};
	return (
		<>
			<p class="crumbs">
				<a href={hrefOf("jobs")}>Jobs</a> / {id}
			</p>
			<div class="title">
				<h1>{spec.adapter_name ?? id}</h1>
				<Badge state={state} />
				<div class="actions">
					{!rests(state) && (
						<button type="button" class="quiet" onClick={() => act(() => pauseJob(id), onChange)}>
							Pause
						</button>
					)}
					{!rests(state) && (
						<button type="button" class="quiet danger" onClick={() => act(() => cancelJob(id), onChange)}>
							Cancel
						</button>
					)}
					{canResume(state) && (
						<button type="button" onClick={() => act(() => resumeJob(id), onResumed)}>
							Resume
						</button>
					)}
				</div>
			</div>
			<p class="mute">
				{spec.base_model} · created <Created at={created_at} />
			</p>
			{error !== undefined && <Failure>{error}</Failure>}
		</>
	);
}

function Published({ job: { spec, adapter_path } }: { readonly job: JobJson }) {
	return (
		<p class="notice good">
			Published as <code>{adapter_path}</code>.{" "}
			<a href={`${hrefOf("playground")}?adapter=${encodeURIComponent(spec.adapter_name ?? "")}`}>Try it in the playground</a>
		</p>
	);
}
