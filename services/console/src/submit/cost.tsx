/** What the job would take, asked again whenever the form says something else. */
import { useEffect, useState } from "preact/hooks";
import { estimateJob } from "../api/calls.js";
import { wordsOf } from "../api/http.js";
import type { Dataset, Estimate, Fitting } from "../api/types.js";
import { bytes, count, duration, plural } from "../format.js";
import { type Form, specOf } from "./form.js";

/** After the last keystroke. */
const QUIET_MS = 500;

interface Props {
	readonly form: Form;
	readonly dataset: Dataset;
	readonly onChange: (fields: Partial<Form>) => void;
}

export function Cost({ form, dataset, onChange }: Props) {
	const { estimate, error } = useEstimate(JSON.stringify({ ...specOf(form, dataset.id), evaluation: undefined }));
	return (
		<section class="card" aria-labelledby="cost-title" aria-live="polite">
			<h2 id="cost-title">What it takes</h2>
			{error !== undefined && <p class="notice bad">{error}</p>}
			{!estimate && error === undefined && <p class="mute">Estimating …</p>}
			{estimate && <Found estimate={estimate} onChange={onChange} />}
		</section>
	);
}

function Found({ estimate, onChange }: { readonly estimate: Estimate; readonly onChange: Props["onChange"] }) {
	const { seconds, seconds_low, seconds_high, total_bytes, available_bytes, fits, device, steps, basis, what_would_fit } = estimate;
	return (
		<>
			<p class="cost">
				<strong>{duration(seconds)}</strong>
				<span class="mute">
					between {duration(seconds_low)} and {duration(seconds_high)} for {plural(steps, "step")} on {device}
				</span>
			</p>
			<p class="cost">
				<strong>{bytes(total_bytes)}</strong>
				<span class="mute">of {bytes(available_bytes)} that jobs may take</span>
			</p>
			<meter
				min={0}
				max={available_bytes}
				high={0.9 * available_bytes}
				value={Math.min(total_bytes, available_bytes)}
				aria-label="Memory"
			/>
			<Parts estimate={estimate} />
			{!fits && <p class="notice bad">It does not fit into the memory.</p>}
			{what_would_fit.length > 0 && (
				<ul class="fitting">
					{what_would_fit.map((found) => (
						<li key={JSON.stringify(found)}>
							<button type="button" onClick={() => onChange(fieldsOf(found))}>
								Batch {count(found.batch_size)}, accumulation {count(found.gradient_accumulation)}, {count(found.max_length)} tokens
								{found.gradient_checkpointing && ", layers computed twice"}
							</button>{" "}
							<span class="mute">takes {bytes(found.total_bytes)}</span>
						</li>
					))}
				</ul>
			)}
			<details>
				<summary>How this was got</summary>
				<ul>
					{basis.map((line) => (
						<li key={line}>{line}</li>
					))}
				</ul>
			</details>
		</>
	);
}

const fieldsOf = ({ batch_size, gradient_accumulation, max_length, gradient_checkpointing }: Fitting): Partial<Form> => ({
	batchSize: batch_size,
	gradientAccumulation: gradient_accumulation,
	maxLength: max_length,
	checkpointing: gradient_checkpointing,
});

function Parts({ estimate }: { readonly estimate: Estimate }) {
	const parts = [
		["process", estimate.process_bytes],
		["base", estimate.weights_bytes],
		["word embeddings", estimate.embeddings_bytes],
		["activations", estimate.activations_bytes],
		["softmax", estimate.logits_bytes],
		["optimizer", estimate.optimizer_bytes],
	] as const;
	return <p class="mute">{parts.map(([name, value]) => `${name} ${bytes(value)}`).join(" · ")}</p>;
}

interface Asked {
	readonly estimate?: Estimate;
	readonly error?: string;
}

/** `spec` as text, so that an equal one is not asked about again. */
function useEstimate(spec: string): Asked {
	const [asked, setAsked] = useState<Asked>({});
	useEffect(() => {
		const gone = new AbortController();
		const timer = setTimeout(async () => {
			try {
				setAsked({ estimate: await estimateJob(JSON.parse(spec), gone.signal) });
			} catch (error) {
				if (!gone.signal.aborted) setAsked({ error: wordsOf(error) });
			}
		}, QUIET_MS);
		return () => {
			clearTimeout(timer);
			gone.abort();
		};
	}, [spec]);
	return asked;
}
