import type { JobJson } from "../api/types.js";
import { bytes, count, duration, fixed, percent, plural, small } from "../format.js";
import { type History, smoothed } from "../live/history.js";
import { Bar, Figures } from "./basics.js";
import { Chart } from "./chart.js";

interface Props {
	readonly history: History;
	readonly job: JobJson;
}

/** Progress, figures and the loss curve. */
export function Training({ history, job }: Props) {
	const progress = history.progress ?? job.progress;
	if (!progress) return null;
	const { step, total_steps, epoch, eta_seconds, device_memory_bytes } = progress;
	return (
		<section aria-labelledby="training-title" class="card">
			<div class="title small">
				<h2 id="training-title">Training</h2>
				<span class="mute">
					step {count(step)} of {count(total_steps)} · epoch {epoch.toFixed(2)}
					{eta_seconds > 0 && ` · ${duration(eta_seconds)} left`}
				</span>
			</div>
			<Bar value={step} max={total_steps} label={`${percent(step / Math.max(1, total_steps))} of ${plural(total_steps, "step")}`} />
			<Figures
				items={[
					["Loss", fixed(progress.loss)],
					["Throughput", `${count(progress.tokens_per_second)} tokens/s`],
					["Texts", `${count(progress.sentences_per_second)} /s`],
					["Memory", bytes(progress.memory_bytes)],
					...(device_memory_bytes > 0 ? ([["Device memory", bytes(device_memory_bytes)]] as const) : []),
					["Learning rate", small(progress.learning_rate)],
					["Gradient norm", fixed(progress.grad_norm, 2)],
				]}
			/>
			{history.steps.length > 1 && <LossChart history={history} />}
		</section>
	);
}

function LossChart({ history: { steps, losses } }: { readonly history: History }) {
	const trend = smoothed(losses);
	return (
		<Chart
			steps={steps}
			label={`Loss over ${plural(steps.length, "step")}: from ${fixed(losses[0])} to ${fixed(trend.at(-1))}`}
			curves={[
				{ label: "loss of the step", values: losses, color: "--curve-faint", width: 1 },
				{ label: "trend", values: trend, color: "--curve-1" },
			]}
		/>
	);
}
