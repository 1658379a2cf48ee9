/**
 * Estimated against measured: for each combination of settings an estimate, then a real job of a few steps in a training process of
 * its own, and the ratio of the two. What the constants of train-service's estimate/ are checked and set with.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { resolveModel } from "@dak/shared/models";
import { chooseDevice } from "@dak/shared/runtime";
import { estimateJob, type JobEstimate } from "@dak/train-service/estimate";
import { type JobSettings, jobSettingsSchema } from "@dak/train-service/jobs";
import { type ChildMessage, type StartMessage, trainingProcess } from "@dak/train-service/training";
import { readLines } from "./texts.js";

const OPTIONS = {
	/** Folders of base models. */
	base: { type: "string", multiple: true },
	texts: { type: "string" },
	batch: { type: "string", default: "8,32" },
	"max-length": { type: "string", default: "64,128" },
	vocabulary: { type: "string", default: "sampled,full" },
	steps: { type: "string", default: "6" },
	threads: { type: "string", default: "2" },
	json: { type: "boolean", default: false },
} as const;

interface Measured {
	readonly peakBytes: number;
	/** Highest before training began. */
	readonly measuringBytes: number;
	readonly seconds: number;
}

/** Runs a job to its end. @throws if it fails */
function run(settings: JobSettings, modelPath: string, texts: readonly string[], threads: number): Promise<Measured> {
	const folder = mkdtempSync(join(tmpdir(), "dak-estimate-"));
	const textsFile = join(folder, "texts.jsonl");
	writeFileSync(textsFile, texts.map((text) => `${JSON.stringify(text)}\n`).join(""));
	const start: StartMessage = {
		type: "start",
		jobId: "bench",
		settings,
		textsFile,
		modelPath,
		workDir: folder,
		checkpointDir: join(folder, "checkpoints"),
		outputDir: join(folder, "out"),
		threads,
	};
	const { file, execArgv } = trainingProcess();
	const started = performance.now();
	return new Promise<Measured>((resolve, reject) => {
		const child = fork(file, [], {
			execArgv: [...execArgv],
			serialization: "advanced",
			stdio: ["ignore", "ignore", "inherit", "ipc"],
		});
		let measuringBytes = 0;
		child.on("message", (message: ChildMessage) => {
			if (message.type === "progress" && message.step === 1) measuringBytes = message.peakMemoryBytes;
			else if (message.type === "failed") reject(new Error(message.message));
			else if (message.type === "done")
				resolve({ peakBytes: message.peakMemoryBytes, measuringBytes, seconds: (performance.now() - started) / 1000 });
		});
		child.on("error", reject);
		child.on("exit", (code) => reject(new Error(`the training process ended with code ${code}`)));
		child.send(start);
	}).finally(() => rmSync(folder, { recursive: true, force: true }));
}

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
const round = (value: number): number => Number(value.toFixed(3));

function row(settings: JobSettings, estimate: JobEstimate, measured: Measured) {
	return {
		base: settings.base_model.split("/").at(-1)!,
		batch: settings.training.batch_size,
		max_length: settings.max_length,
		vocabulary: settings.training.vocabulary,
		estimated_mib: mib(estimate.totalBytes),
		measured_mib: mib(measured.peakBytes),
		ratio: round(estimate.totalBytes / measured.peakBytes),
		phase: estimate.phase,
		parts_mib: Object.fromEntries(Object.entries(estimate.parts).map(([name, bytes]) => [name, mib(bytes as number)])),
		first_step_peak_mib: mib(measured.measuringBytes),
		estimated_seconds: Object.fromEntries(Object.entries(estimate.seconds).map(([name, seconds]) => [name, Math.round(seconds as number)])),
		measured_seconds: Math.round(measured.seconds),
	};
}

type Row = ReturnType<typeof row>;

function table(rows: readonly Row[]): string {
	const head = "base                    batch  length  vocabulary  estimated  measured  ratio   seconds (low-high)  measured";
	const lines = rows.map(
		(r) =>
			`${r.base.padEnd(24)}${String(r.batch).padStart(5)}${String(r.max_length).padStart(8)}  ${r.vocabulary.padEnd(10)}${`${r.estimated_mib}`.padStart(7)} MiB${`${r.measured_mib}`.padStart(6)} MiB${r.ratio.toFixed(2).padStart(7)}${`${r.estimated_seconds.low}-${r.estimated_seconds.high}`.padStart(16)}${String(r.measured_seconds).padStart(15)}`,
	);
	return [head, ...lines].join("\n");
}

/** @throws for options that are missing; whatever fails a job */
export async function benchEstimate(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const texts = readLines(values.texts);
	const threads = Number(values.threads);
	const rows: Row[] = [];
	for (const base of values.base) {
		const { path } = await resolveModel(base, { allowPaths: true });
		for (const vocabulary of values.vocabulary.split(","))
			for (const maxLength of values["max-length"].split(","))
				for (const batch of values.batch.split(",")) {
					const settings = jobSettingsSchema.parse({
						base_model: base,
						dataset: { path: values.texts },
						max_length: Number(maxLength),
						device: chooseDevice("auto").kind,
						training: { batch_size: Number(batch), max_steps: Number(values.steps), vocabulary },
					});
					const estimate = await estimateJob({
						settings,
						modelPath: path,
						sample: { texts, total: texts.length },
						threads,
						availableBytes: Number.MAX_SAFE_INTEGER,
						time: true,
						pastTokensPerSecond: [],
					});
					rows.push(row(settings, estimate, await run(settings, path, texts, threads)));
					if (!values.json) console.error(table(rows.slice(-1)).split("\n").at(-1));
				}
	}
	if (!values.json) console.error(`\n${table(rows)}\n`);
	const off = rows.map(({ ratio }) => Math.abs(ratio - 1));
	return { engine: "domain-adapter-kit", device: chooseDevice("auto").kind, threads, largest_error: round(Math.max(...off)), rows };
}
