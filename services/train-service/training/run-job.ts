/** A job from its texts to an adapter folder: what a training process does. It reports; it does not know to whom. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DenseModule, readAdapter, writeAdapterFolder } from "@dak/shared/adapters";
import { invalidField } from "@dak/shared/errors";
import { type BaseModel, openBaseModel } from "@dak/shared/models";
import { FrozenFeeds, loraA, loraB } from "@dak/shared/nn";
import { peakRssBytes } from "@dak/shared/observability";
import { chooseDevice, type Device } from "@dak/shared/runtime";
import { loadTokenizer, type Tokenizer } from "@dak/shared/tokenization";
import { CheckpointFolder } from "../checkpoints/index.js";
import { denseOf, fitWhitening, type LinearMap, type ModelVectors, mapVectors, spreadOf } from "../evaluation/index.js";
import { checkAgainstBase, type JobSettings, type TrainingSettings } from "../jobs/index.js";
import { dataSection } from "../outputs/index.js";
import { type AnchorTarget, whitenedTarget } from "./anchor.js";
import { Checkpointing } from "./checkpointing.js";
import { trainingIdentity } from "./identity.js";
import { type Factors, Measurement } from "./measure.js";
import { alphaOf, loraModules, modelOutputs, publishedSettings, quantizationOf } from "./model-outputs.js";
import type { JobHooks, StartMessage } from "./protocol.js";
import { forBase, recipeOf } from "./recipe.js";
import { whitensAnchor } from "./step-options.js";
import { type LoadedTexts, loadTexts, TextSource } from "./texts.js";
import { train } from "./train.js";
import { Trainer } from "./trainer.js";

interface Prepared {
	readonly base: BaseModel;
	readonly tokenizer: Tokenizer;
	readonly device: Device;
	readonly settings: TrainingSettings;
	/** Why the objective is as it is. */
	readonly chosen: string;
	readonly loaded: LoadedTexts;
	readonly texts: TextSource;
	readonly heldOut: TextSource | undefined;
	readonly frozen: FrozenFeeds;
	readonly pooling: BaseModel["pooling"];
	readonly initial: ReadonlyMap<string, Float32Array> | undefined;
	/** Of the adapter that these are from. */
	readonly initialHash: string | undefined;
}

/** Runs a job to its end. @throws DakError with the reason why it failed */
export async function runJob(start: StartMessage, hooks: JobHooks): Promise<void> {
	const { send } = hooks;
	send({ type: "state", state: "preparing" });
	const prepared = await prepare(start);
	send({ type: "log", level: "info", message: describe(prepared) });
	const measurement = await Measurement.create({ ...prepared, threads: start.threads });
	const before = await measurement.base();
	const job = suitedTo(before, prepared, start.settings);
	send({ type: "log", level: "info", message: job.chosen });
	const anchorTarget = anchorTargetOf(job, before);
	const trainer = await Trainer.create({ ...job, threads: start.threads, anchorTarget });
	// Before a checkpoint is gone on from: the loss of the very beginning.
	const heldOutBefore = await trainer.heldOutLoss();
	const checkpoints = checkpointing(start, job, trainer, hooks);
	send({ type: "state", state: "training" });
	const { finished, curve } = await train(trainer, checkpoints, hooks);
	const factors = new Map(trainer.specs.map((spec, i) => [spec.name, trainer.values[i]!]));
	const heldOutAfter = finished ? await trainer.heldOutLoss() : undefined;
	await trainer.dispose();
	if (!finished) return send({ type: "stopped", step: curve.length });
	send({ type: "state", state: "evaluating" });
	const pooled = await measurement.adapted(factors);
	const outputMap = outputMapOf(job, pooled);
	const after = outputMap ? mapVectors(pooled, outputMap) : pooled;
	const outcome = measurement.compare(before, after, { steps: curve, reshaped: anchorTarget !== undefined || outputMap !== undefined });
	const validation = heldOutAfter === undefined ? undefined : heldOut(job, heldOutBefore!, heldOutAfter);
	const evaluations = [...outcome.evaluations, ...(validation ? [{ name: "validation", values: validation }] : [])];
	for (const { name, values } of evaluations) send({ type: "evaluation", name, values });
	const objective = { ...job.settings.objective, goal: job.settings.goal, reason: job.chosen };
	const report = { ...outcome.report, objective, ...(validation ? { validation } : {}), dataset: start.datasetStatistics };
	const canaries = await measurement.canaries(factors, outputMap);
	await measurement.dispose();
	hooks.endIfOrphaned();
	const dense = outputMap && denseOf(outputMap);
	const outputs = await modelOutputs(start, { ...job, dense }, factors, outcome, send);
	const found = outputs ? { metrics: { ...outcome.metrics, outputs }, report: { ...report, outputs } } : { report };
	hooks.endIfOrphaned();
	writeOutputs(start, job, factors, { ...outcome, ...found, dense }, canaries);
	job.base.weights.close();
	send({ type: "done", peakMemoryBytes: peakRssBytes() });
}

/** The objective, chosen by the texts, as the base's vectors of them suit it. */
function suitedTo(base: ModelVectors, job: Prepared, { objective: given }: JobSettings): Prepared {
	const { objective, reason } = forBase({ objective: job.settings.objective, reason: job.chosen }, given, {
		spread: spreadOf(base),
		languageModel: job.base.languageModel,
	});
	return { ...job, settings: { ...job.settings, objective }, chosen: reason };
}

/** Where the anchor is on whitened similarities: those. */
function anchorTargetOf({ settings: { objective } }: Prepared, base: ModelVectors): AnchorTarget | undefined {
	return whitensAnchor(objective) ? whitenedTarget(base, objective.anchor_whitening) : undefined;
}

/** What whitens the adapted vectors, where that is wanted. */
function outputMapOf({ settings: { objective } }: Prepared, adapted: ModelVectors): LinearMap | undefined {
	return objective.output_whitening > 0 ? fitWhitening(adapted, objective.output_whitening) : undefined;
}

/** What the texts that were held out say: whether the loss falls on texts that were not trained on as well. */
function heldOut({ heldOut: source }: Prepared, before: number, after: number) {
	return { texts: source!.texts.length, loss_before: before, loss_after: after };
}

async function prepare(start: StartMessage): Promise<Prepared> {
	const base = await openBaseModel({ ref: start.settings.base_model, path: start.modelPath, source: "local" });
	checkAgainstBase(start.settings, base);
	const tokenizer = await loadTokenizer(start.modelPath);
	const loaded = await loadTexts(start.textsFile);
	const { objective, reason } = recipeOf(start.settings, loaded.texts);
	const settings = { ...start.settings, objective };
	const sourceOptions = {
		tokenizer,
		maxLength: settings.max_length,
		prompt: base.prompts[base.defaultPromptName ?? "query"] ?? "",
		noise: settings.noise,
		seed: settings.training.seed,
	};
	const texts = new TextSource(loaded.texts, sourceOptions);
	const heldOutTexts = start.validationFile === undefined ? [] : (await loadTexts(start.validationFile, 0)).texts;
	const initial = start.initAdapterDir === undefined ? undefined : initialFactors(start.initAdapterDir, settings);
	return {
		base,
		tokenizer,
		device: chooseDevice(settings.device),
		settings,
		chosen: reason,
		loaded,
		texts,
		heldOut: heldOutTexts.length > 0 ? new TextSource(heldOutTexts, sourceOptions) : undefined,
		frozen: new FrozenFeeds(base, { doubleQuant: settings.quantization.double_quant }),
		pooling: settings.pooling ?? base.pooling,
		initial: initial?.factors,
		initialHash: initial?.hash,
	};
}

/** The factors of an adapter to go on from. */
function initialFactors(folder: string, { lora }: JobSettings): { factors: Map<string, Float32Array>; hash: string } {
	const adapter = readAdapter(folder, { name: "init_adapter", maxRank: lora.r });
	if (adapter.r !== lora.r) throw invalidField("/lora/r", `found ${lora.r}, init_adapter has ${adapter.r}: they must be equal`);
	const factors = new Map(
		adapter.modules.flatMap((module): [string, Float32Array][] => [
			[loraA(module.path), module.a],
			[loraB(module.path), module.b],
		]),
	);
	return { factors, hash: adapter.weightsHash };
}

function describe({ base, device, loaded, settings }: Prepared): string {
	return `${loaded.texts.length} texts, base ${base.folder.ref} (${base.encoder.layers} layers of ${base.encoder.hiddenSize}), ${settings.quantization.kind} weights, device ${device.kind} (${device.why})`;
}

function checkpointing(start: StartMessage, job: Prepared, trainer: Trainer, { send, endIfOrphaned }: JobHooks): Checkpointing {
	const training = trainingIdentity({
		settings: job.settings,
		baseFingerprint: job.base.fingerprint,
		tokenizerHash: job.tokenizer.hash,
		dataHash: job.loaded.hash,
		prompt: job.texts.prompt,
		initialHash: job.initialHash,
		parameters: trainer.specs,
	});
	const folder = new CheckpointFolder(start.checkpointDir, {
		onBroken: (message) => send({ type: "log", level: "warn", message }),
		beforeWrite: endIfOrphaned,
	});
	const { settings, device } = job;
	return new Checkpointing({ trainer, folder, training, settings, device: device.kind, threads: start.threads, send });
}

type Outcome = Omit<ReturnType<Measurement["compare"]>, "report"> & {
	readonly report: Readonly<Record<string, unknown>>;
	readonly dense: DenseModule | undefined;
};
type Canaries = Awaited<ReturnType<Measurement["canaries"]>>;

function writeOutputs(start: StartMessage, job: Prepared, factors: Factors, outcome: Outcome, canaries: Canaries): void {
	const { base, settings, loaded, tokenizer, pooling } = job;
	const { r } = settings.lora;
	writeAdapterFolder(start.outputDir, {
		name: settings.adapter_name ?? start.jobId,
		r,
		alpha: alphaOf(settings),
		modules: loraModules(base, settings, factors),
		dense: outcome.dense,
		base: {
			ref: settings.base_model,
			fingerprint: base.fingerprint,
			hiddenSize: base.encoder.hiddenSize,
			normalize: base.normalize,
			prompts: base.prompts,
		},
		tokenizerHash: tokenizer.hash,
		dataHash: loaded.hash,
		quantization: quantizationOf(settings),
		pooling,
		maxLength: settings.max_length,
		maxSeqLength: base.maxSeqLength,
		jobId: start.jobId,
		traceparent: start.traceparent,
		settings: publishedSettings(settings),
		metrics: outcome.metrics,
		verdict: outcome.verdict,
		canaries,
		data: dataSection(start.datasetStatistics),
	});
	writeFileSync(join(start.outputDir, "report.json"), JSON.stringify(outcome.report, null, 2));
}
