/** An estimate from start to end: texts are tokenised, graphs built and planned. Takes about a second: it has a process of its own. */
import type { BaseModel } from "@dak/shared/models";
import { chooseDevice, type Device } from "@dak/shared/runtime";
import type { Tokenizer } from "@dak/shared/tokenization";
import { checkAgainstBase, type JobSettings } from "../jobs/index.js";
import { createNoise, SAMPLED_TOKENS } from "../training/index.js";
import { Batches, type TextLengths } from "./batches.js";
import { MEASURED_TEXTS } from "./constants.js";
import { whatWouldFit } from "./fit.js";
import { type PlannedGraph, planMeasuring, StepGraph } from "./graphs.js";
import { estimateMemory } from "./memory.js";
import { openForEstimates } from "./open.js";
import { type DeviceSpeed, measureSpeed, secondsFor } from "./speed.js";
import type { EstimateRequest, JobEstimate, MemoryEstimate, TimeEstimate } from "./types.js";

/** Shares of the expected time that it may be: what the bench saw on a busy machine. */
const [LOW, HIGH] = [0.5, 1.6];
/** Start of the process, tokenising, writing the adapter. */
const FIXED_SECONDS = 5;

const NO_TIME: TimeEstimate = { low: 0, expected: 0, high: 0 };

let speeds: { readonly key: string; readonly speed: Promise<DeviceSpeed> } | undefined;

/** Measured once a process and device. */
function speedOf(device: Device, threads: number): Promise<DeviceSpeed> {
	const key = `${device.kind} ${threads}`;
	if (speeds?.key !== key) speeds = { key, speed: measureSpeed(device, threads) };
	return speeds.speed;
}

class Estimation {
	readonly device: Device;
	readonly #measured: readonly PlannedGraph[];
	readonly #lengths: TextLengths;

	constructor(
		private readonly request: EstimateRequest,
		private readonly base: BaseModel,
		private readonly tokenizer: Tokenizer,
	) {
		const { settings, sample } = request;
		checkAgainstBase(settings, base);
		this.device = chooseDevice(settings.device);
		const prompt = base.prompts[base.defaultPromptName ?? "query"] ?? "";
		const encode = (text: string) => tokenizer.encode(prompt + text, { maxLength: base.maxSeqLength });
		this.#lengths = {
			texts: sample.texts,
			ids: sample.texts.map(encode),
			prompt,
			noise: createNoise(settings.noise, sample.texts),
			total: sample.total,
		};
		const labelled =
			settings.evaluation?.queries.flatMap(({ query, relevant }) => [query, ...relevant]).concat(settings.evaluation.corpus) ?? [];
		const compared = [...this.#lengths.ids.slice(0, MEASURED_TEXTS), ...labelled.map(encode)];
		this.#measured = planMeasuring(base, settings, compared);
	}

	memory(settings: JobSettings): MemoryEstimate {
		const batches = this.#batches(settings);
		const step = this.#step(settings);
		const { ids, texts, total } = this.#lengths;
		const scale = total / texts.length;
		const facts = {
			base: this.base,
			device: this.device.kind,
			accumulated: settings.training.gradient_accumulation,
			texts: {
				count: total,
				characters: scale * texts.reduce((n, text) => n + text.length, 0),
				tokens: scale * ids.reduce((n, text) => n + Math.min(text.length, settings.max_length), 0),
			},
		};
		return estimateMemory(
			batches.largest().map((batch) => step.plan(batch)),
			this.#measured,
			facts,
		);
	}

	/** Seconds of the whole job. */
	async time(settings: JobSettings): Promise<{ readonly seconds: TimeEstimate; readonly basis: string }> {
		const { pastTokensPerSecond, threads } = this.request;
		const batches = this.#batches(settings);
		const typical = batches.typical();
		const speed = await speedOf(this.device, threads);
		// Base and adapter.
		const encoding = FIXED_SECONDS + 2 * this.#measured.reduce((sum, { memory }) => sum + secondsFor(memory.cost, speed), 0);
		const runs = batches.steps * settings.training.gradient_accumulation;
		if (pastTokensPerSecond.length > 0) {
			const tokens = runs * typical.reduce((n, { noisy, clean }) => n + noisy.length + clean.length, 0);
			const at = (rate: number) => encoding + tokens / rate;
			const sorted = pastTokensPerSecond.toSorted((a, b) => b - a);
			const seconds = { low: at(sorted[0]! * 1.15), expected: at(sorted[sorted.length >> 1]!), high: at(sorted.at(-1)! / 1.15) };
			return { seconds, basis: `time: the speed of ${sorted.length} earlier jobs like this one on this machine` };
		}
		const expected = encoding + runs * secondsFor(this.#step(settings).plan(typical).memory.cost, speed);
		const [gigaflops, gigabytes] = [speed.flopsPerSecond, speed.bytesPerSecond].map((rate) => (rate / 1e9).toFixed(0));
		const basis = `time: the graph's products at ${gigaflops} GFLOP/s and its other operators at ${gigabytes} GB/s, both measured now with ${threads} threads; the machine may be busier or freer when the job runs`;
		return { seconds: { low: LOW * expected, expected, high: HIGH * expected }, basis };
	}

	largestBatchTokens(settings: JobSettings): number {
		const tokens = this.#batches(settings)
			.largest()
			.map((batch) => batch.reduce((n, { noisy, clean }) => n + noisy.length + clean.length, 0));
		return Math.max(...tokens);
	}

	steps(settings: JobSettings): number {
		return this.#batches(settings).steps;
	}

	#batches(settings: JobSettings): Batches {
		return new Batches(this.#lengths, this.tokenizer, settings);
	}

	#vocabularyRows(settings: JobSettings): number {
		const { vocabSize } = this.base.encoder;
		const { vocabulary } = settings.training;
		if (vocabulary === "full") return vocabSize;
		const own = this.#batches(settings).vocabularyRows(vocabSize);
		return vocabulary === "corpus" ? own : Math.min(vocabSize, own + SAMPLED_TOKENS);
	}

	readonly #graphs = new Map<string, StepGraph>();

	/** One graph serves all batch sizes. */
	#step(settings: JobSettings): StepGraph {
		const rows = this.#vocabularyRows(settings);
		const { gradient_checkpointing, mixed_precision } = settings.training;
		const key = JSON.stringify({ rows, gradient_checkpointing, mixed_precision });
		const known = this.#graphs.get(key);
		if (known) return known;
		const graph = new StepGraph(this.base, settings, rows);
		this.#graphs.set(key, graph);
		return graph;
	}
}

const sampled = ({ texts, total }: EstimateRequest["sample"]): string =>
	total <= texts.length
		? `batches: the largest of those that the job will draw from its ${total} texts`
		: `batches: the largest of as many drawn from the first ${texts.length} of about ${total} texts`;

/** @throws INVALID_MODEL, INVALID_REQUEST; RUNTIME_FAILED if the device does not run */
export async function estimateJob(request: EstimateRequest): Promise<JobEstimate> {
	const { settings, modelPath, availableBytes, sample } = request;
	const { base, tokenizer } = await openForEstimates(modelPath);
	const estimation = new Estimation(request, base, tokenizer);
	const memory = estimation.memory(settings);
	const { seconds, basis } = request.time ? await estimation.time(settings) : { seconds: NO_TIME, basis: "time: not asked for" };
	const fits = memory.totalBytes <= availableBytes;
	return {
		...memory,
		device: estimation.device.kind,
		availableBytes,
		fits,
		whatWouldFit: fits ? [] : whatWouldFit(settings, availableBytes, (other) => estimation.memory(other).totalBytes),
		steps: estimation.steps(settings),
		largestBatchTokens: estimation.largestBatchTokens(settings),
		seconds,
		basis: [
			"memory: the training step's graph, its values given out and back as ONNX Runtime does",
			sampled(sample),
			...(estimation.device.kind === "cpu" ? [] : ["memory of a GPU: never compared with a measured one"]),
			basis,
		],
	};
}
