/** From a file to a running job: drop, look at what was read, choose, see what it costs, start. */
import { useEffect, useRef, useState } from "preact/hooks";
import { consoleSettings, createJob, upload } from "../api/calls.js";
import { wordsOf } from "../api/http.js";
import type { Dataset } from "../api/types.js";
import { bytes } from "../format.js";
import { Failure } from "../parts/basics.js";
import { onSubmit } from "../parts/on-submit.js";
import { go, hrefOf } from "../route.js";
import { Cost } from "../submit/cost.js";
import { DropZone } from "../submit/drop-zone.js";
import { ReadingFields, TrainingFields } from "../submit/fields.js";
import { DEFAULTS, type Form, nameFrom, specOf } from "../submit/form.js";
import { Preview } from "../submit/preview.js";

export function NewJobPage() {
	const [form, setForm] = useState<Form>(DEFAULTS);
	const [file, setFile] = useState<File>();
	const reading = useReading();
	const [starting, setStarting] = useState(false);
	const [error, setError] = useState<string>();
	const change = (fields: Partial<Form>) => setForm((before) => ({ ...before, ...fields }));

	useEffect(() => {
		consoleSettings().then(
			({ base_model }) => setForm((before) => ({ ...before, baseModel: before.baseModel || base_model })),
			(failure: unknown) => setError(wordsOf(failure)),
		);
	}, []);

	const take = (next: File) => {
		setFile(next);
		if (form.adapterName === "") change({ adapterName: nameFrom(next.name) });
		reading.read(next, form);
	};
	const start = async (dataset: Dataset) => {
		setStarting(true);
		setError(undefined);
		try {
			go(hrefOf("jobs", (await createJob(specOf(form, dataset.id))).id));
		} catch (failure) {
			setError(wordsOf(failure));
			setStarting(false);
		}
	};

	const { dataset } = reading;
	return (
		<section>
			<h1>New job</h1>
			<DropZone file={file} onFile={take} />
			<ReadingFields form={form} onChange={change} onRead={file && (() => reading.read(file, form))} />
			{reading.busy && file && <Reading file={file} onStop={reading.stop} />}
			{reading.error !== undefined && <Failure>{reading.error}</Failure>}
			{dataset && (
				<>
					<Preview dataset={dataset} />
					<form onSubmit={onSubmit(() => void start(dataset))}>
						<TrainingFields form={form} onChange={change} />
						<Cost form={form} dataset={dataset} onChange={change} />
						{error !== undefined && <Failure>{error}</Failure>}
						<div class="actions">
							<button type="submit" class="primary big" disabled={starting}>
								{starting ? "Starting …" : "Start training"}
							</button>
						</div>
					</form>
				</>
			)}
			{!dataset && error !== undefined && <Failure>{error}</Failure>}
		</section>
	);
}

function Reading({ file, onStop }: { readonly file: File; readonly onStop: () => void }) {
	return (
		<div class="card row" role="status">
			<span>
				Sending and reading {file.name}, {bytes(file.size)} …
			</span>
			<progress aria-label="Reading the file" />
			<button type="button" class="quiet" onClick={onStop}>
				Stop
			</button>
		</div>
	);
}

/** A file on its way to a dataset; another one takes its place. */
function useReading() {
	const [found, setFound] = useState<{ dataset?: Dataset; error?: string; busy: boolean }>({ busy: false });
	const running = useRef<AbortController | undefined>(undefined);
	useEffect(() => () => running.current?.abort(), []);
	const read = async (file: File, form: Form) => {
		running.current?.abort();
		const next = new AbortController();
		running.current = next;
		const { signal } = next;
		setFound({ busy: true });
		try {
			const dataset = await upload(file, form, signal);
			if (!signal.aborted) setFound({ dataset, busy: false });
		} catch (error) {
			if (!signal.aborted) setFound({ error: wordsOf(error), busy: false });
		}
	};
	const stop = () => {
		running.current?.abort();
		setFound({ busy: false });
	};
	return { ...found, read, stop };
}
