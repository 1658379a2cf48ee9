import { useState } from "preact/hooks";
import { wordsOf } from "../api/http.js";
import { plural } from "../format.js";
import { Failure } from "../parts/basics.js";
import type { Form } from "./form.js";
import { labelledIn } from "./labelled.js";

interface Props {
	readonly form: Form;
	readonly onChange: (fields: Partial<Form>) => void;
}

interface FieldProps {
	readonly label: string;
	readonly hint?: string;
	readonly value: string | number;
	readonly onInput: (value: string) => void;
	readonly [attribute: string]: unknown;
}

function Field({ label, hint, value, onInput, ...more }: FieldProps) {
	return (
		<label>
			{label}
			<input value={value} onInput={(event) => onInput(event.currentTarget.value)} {...more} />
			{hint !== undefined && <small>{hint}</small>}
		</label>
	);
}

/** How the file is read; a change counts with the next reading. */
export function ReadingFields({ form, onChange, onRead }: Props & { readonly onRead: (() => void) | undefined }) {
	return (
		<details class="card">
			<summary>How the file is read</summary>
			<div class="fields">
				<Field
					label="Base model"
					value={form.baseModel}
					onInput={(baseModel) => onChange({ baseModel })}
					hint="Tokens are counted for it"
				/>
				<Field
					label="Text column"
					value={form.textColumn}
					onInput={(textColumn) => onChange({ textColumn })}
					hint="CSV, TSV, JSONL, Parquet; empty: found by itself"
				/>
				<Field
					label="Text template"
					value={form.textTemplate}
					placeholder="{brand} {title}"
					onInput={(textTemplate) => onChange({ textTemplate })}
					hint="A text of several columns, in place of one"
				/>
				<Field
					label="Longest text, tokens"
					type="number"
					min={4}
					max={8192}
					value={form.maxLength}
					onInput={(value) => onChange({ maxLength: Number(value) })}
				/>
			</div>
			<button type="button" disabled={!onRead} onClick={onRead}>
				Read it again
			</button>
		</details>
	);
}

export function TrainingFields({ form, onChange }: Props) {
	const number = (name: keyof Form) => (value: string) => onChange({ [name]: Number(value) });
	return (
		<fieldset class="card">
			<legend>Training</legend>
			<div class="fields">
				<Field
					label="Adapter name"
					required
					pattern="[A-Za-z0-9]([A-Za-z0-9._\-]{0,126}[A-Za-z0-9])?"
					title="1 to 128 letters, digits, '.', '_' or '-', a letter or digit at both ends"
					value={form.adapterName}
					onInput={(adapterName) => onChange({ adapterName })}
				/>
				<Field label="Base model" required value={form.baseModel} onInput={(baseModel) => onChange({ baseModel })} />
				<Field label="Epochs" type="number" min={0.01} max={1000} step="any" value={form.epochs} onInput={number("epochs")} />
				<label>
					Publish
					<select value={form.publish} onChange={(event) => onChange({ publish: event.currentTarget.value })}>
						<option value="if_not_worse">unless it is worse</option>
						<option value="always">always</option>
						<option value="never">never</option>
					</select>
				</label>
			</div>
			<Labelled form={form} onChange={onChange} />
			<details>
				<summary>More</summary>
				<div class="fields">
					<Field
						label="Steps in place of epochs"
						type="number"
						min={0}
						value={form.maxSteps}
						onInput={number("maxSteps")}
						hint="0: epochs count"
					/>
					<Field label="Batch size" type="number" min={2} max={1024} value={form.batchSize} onInput={number("batchSize")} />
					<Field
						label="Gradient accumulation"
						type="number"
						min={1}
						max={256}
						value={form.gradientAccumulation}
						onInput={number("gradientAccumulation")}
					/>
					<Field
						label="Learning rate"
						type="number"
						min={0}
						max={1}
						step="any"
						value={form.learningRate}
						onInput={number("learningRate")}
					/>
					<label>
						Memory
						<select
							value={form.checkpointing ? "less" : "usual"}
							onChange={(event) => onChange({ checkpointing: event.currentTarget.value === "less" })}
						>
							<option value="usual">as usual</option>
							<option value="less">less: layers are computed twice</option>
						</select>
					</label>
					<Field label="LoRA rank" type="number" min={1} max={1024} value={form.rank} onInput={number("rank")} />
					<Field label="Longest text, tokens" type="number" min={4} max={8192} value={form.maxLength} onInput={number("maxLength")} />
					<Field
						label="Held-out share"
						type="number"
						min={0}
						max={0.5}
						step="any"
						value={form.validation}
						onInput={number("validation")}
						hint="Of the texts; their loss is measured before and after"
					/>
				</div>
			</details>
		</fieldset>
	);
}

/** Labelled queries are what a verdict stands on. */
function Labelled({ form: { labelled }, onChange }: Props) {
	const [error, setError] = useState<string>();
	const take = async (file: File | undefined) => {
		setError(undefined);
		onChange({ labelled: undefined });
		try {
			if (file) onChange({ labelled: labelledIn(await file.text()) });
		} catch (failure) {
			setError(wordsOf(failure));
		}
	};
	return (
		<>
			<label>
				Labelled queries
				<input type="file" accept=".jsonl,.json" onChange={(event) => void take(event.currentTarget.files?.[0])} />
				<small>
					{labelled
						? `${plural(labelled.queries.length, "query", "queries")}; never trained on`
						: 'Optional: {"query": "…", "relevant": ["…"]} a line. Without them the adapter\'s search is not judged.'}
				</small>
			</label>
			{error !== undefined && <Failure>{error}</Failure>}
		</>
	);
}
