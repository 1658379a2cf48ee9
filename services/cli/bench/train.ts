/**
 * Training throughput, with the keys of a peer that trains the same TSDAE + LoRA with sentence-transformers and PEFT, so
 * that the two lines can be divided. The profile of `--explain` goes to stderr.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { FrozenFeeds, sizeOf } from "@dak/shared/nn";
import { peakRssBytes } from "@dak/shared/observability";
import { chooseDevice, type WantedDevice } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { jobSettingsSchema } from "@dak/train-service/jobs";
import { TextSource, Trainer } from "@dak/train-service/training";
import { readLines } from "./texts.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	steps: { type: "string", default: "20" },
	warmup: { type: "string", default: "3" },
	batch: { type: "string", default: "32" },
	"max-length": { type: "string", default: "64" },
	rank: { type: "string", default: "16" },
	lr: { type: "string", default: "1e-4" },
	threads: { type: "string", default: "2" },
	quantization: { type: "string", default: "nf4" },
	vocabulary: { type: "string", default: "full" },
	objective: { type: "string", default: "tsdae" },
	device: { type: "string", default: "auto" },
	seed: { type: "string", default: "7" },
	"gradient-checkpointing": { type: "boolean", default: false },
	"mixed-precision": { type: "string", default: "no" },
	explain: { type: "boolean", default: false },
} as const;

/** Whitening costs nothing that can be measured: it is left out. */
const NO_WHITENING = { anchor_whitening: 0, output_whitening: 0 } as const;
const OBJECTIVES = {
	tsdae: { tsdae: 1, contrastive: 0, anchor: 0, ...NO_WHITENING },
	balanced: { tsdae: 1, contrastive: 0.1, anchor: 30, ...NO_WHITENING },
} as const;

interface ProfileEvent {
	readonly cat?: string;
	readonly name: string;
	readonly dur?: number;
	readonly args?: { readonly op_name?: string };
}

/** Reads ONNX Runtime's profile: by operator, nodes and milliseconds a step, dearest first. A Loop's time holds its body's. */
function explain(folder: string, steps: number): string[] {
	const byOp = new Map<string, { nodes: number; ms: number }>();
	for (const file of readdirSync(folder)) {
		for (const event of JSON.parse(readFileSync(join(folder, file), "utf8")) as ProfileEvent[]) {
			if (event.cat !== "Node" || !event.name.endsWith("_kernel_time")) continue;
			const op = event.args?.op_name ?? "?";
			const row = byOp.get(op) ?? { nodes: 0, ms: 0 };
			byOp.set(op, { nodes: row.nodes + 1 / steps, ms: row.ms + (event.dur ?? 0) / 1000 / steps });
		}
	}
	const rows = [...byOp].sort(([, a], [, b]) => b.ms - a.ms);
	const total = rows.reduce((sum, [, { nodes, ms }]) => ({ nodes: sum.nodes + nodes, ms: sum.ms + ms }), { nodes: 0, ms: 0 });
	const line = (op: string, { nodes, ms }: typeof total) =>
		`${op.padEnd(24)} ${nodes.toFixed(0).padStart(5)} ${ms.toFixed(1).padStart(8)} ms ${((100 * ms) / total.ms).toFixed(1).padStart(6)} %`;
	return [...rows.map(([op, row]) => line(op, row)), line("all", total)];
}

/** @throws INVALID_REQUEST for options outside what a job allows */
export async function benchTrain(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const [steps, warmup, batch, threads] = [values.steps, values.warmup, values.batch, values.threads].map(Number) as [
		number,
		number,
		number,
		number,
	];
	const objective = OBJECTIVES[values.objective as keyof typeof OBJECTIVES];
	const parsed = jobSettingsSchema.parse({
		base_model: values.base,
		dataset: { path: values.texts },
		objective,
		max_length: Number(values["max-length"]),
		lora: { r: Number(values.rank) },
		quantization: { kind: values.quantization },
		training: {
			batch_size: batch,
			learning_rate: Number(values.lr),
			max_steps: steps + warmup,
			warmup: 0,
			scheduler: "constant",
			seed: Number(values.seed),
			vocabulary: values.vocabulary,
			gradient_checkpointing: values["gradient-checkpointing"],
			mixed_precision: values["mixed-precision"],
		},
	});
	const settings = { ...parsed, objective };
	const base = await openBaseModel(await resolveModel(values.base, { allowPaths: true }));
	const tokenizer = await loadTokenizer(base.folder.path);
	const texts = new TextSource(readLines(values.texts), {
		tokenizer,
		maxLength: settings.max_length,
		prompt: "",
		noise: settings.noise,
		seed: settings.training.seed,
	});
	const device = chooseDevice(values.device as WantedDevice);
	const profiles = values.explain ? mkdtempSync(join(tmpdir(), "dak-profile-")) : undefined;
	const trainer = await Trainer.create({
		base,
		frozen: new FrozenFeeds(base, { doubleQuant: true }),
		pooling: base.pooling,
		settings,
		texts,
		device,
		threads,
		profilePrefix: profiles && join(profiles, "step"),
	});
	const loss: number[] = [];
	let [seconds, tokens] = [0, 0];
	let busy = process.cpuUsage();
	for (let i = 0; i < warmup + steps; i++) {
		const step = await trainer.next();
		loss.push(Number(step.loss.toFixed(4)));
		if (i < warmup) {
			busy = process.cpuUsage();
			continue;
		}
		seconds += step.seconds;
		tokens += step.tokens;
	}
	busy = process.cpuUsage(busy);
	if (profiles) {
		trainer.endProfiling();
		console.error(explain(profiles, steps + warmup).join("\n"));
		rmSync(profiles, { recursive: true });
	}
	const trainable = trainer.specs.reduce((n, spec) => n + sizeOf(spec), 0);
	await trainer.dispose();
	return {
		engine: "domain-adapter-kit",
		device: device.kind,
		threads,
		batch,
		steps,
		quantization: values.quantization,
		vocabulary: values.vocabulary,
		objective: values.objective,
		gradient_checkpointing: values["gradient-checkpointing"],
		mixed_precision: values["mixed-precision"],
		step_ms: Number(((1000 * seconds) / steps).toFixed(1)),
		cpu_ms: Number(((busy.user + busy.system) / 1000 / steps).toFixed(1)),
		sentences_per_second: Number(((steps * batch) / seconds).toFixed(1)),
		tokens_per_second: Number((tokens / seconds).toFixed(1)),
		trainable,
		peak_rss_mb: Math.round(peakRssBytes() / 2 ** 20),
		loss,
	};
}
