/** Compares the engine with the golden values of PyTorch, PEFT and sentence-transformers: `check-golden.ts --base DIR`. */
import { parseArgs } from "node:util";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { ADAMW_DEFAULTS, AdamW, clipScale, Encoder, FrozenFeeds, globalNorm } from "@dak/shared/nn";
import { chooseDevice, float32 } from "@dak/shared/runtime";
import { GoldenStep, LORA } from "./golden/engine.js";
import {
	type CurveFixture,
	type EncoderFixture,
	goldenValues,
	type ObjectivesFixture,
	readGolden,
	type Samples,
	type StepFixture,
} from "./golden/fixtures.js";

const { values: options } = parseArgs({ options: { base: { type: "string" } } });
if (!options.base) throw new Error("--base DIR (all-MiniLM-L6-v2) is needed");
const base = await openBaseModel(await resolveModel(options.base, { allowPaths: true }));
let failed = 0;

function check(what: string, found: number, allowed: number): void {
	const ok = found <= allowed;
	if (!ok) failed++;
	console.log(`${ok ? "ok  " : "FAIL"} ${what}: ${found.toExponential(2)} (allowed ${allowed})`);
}

const relative = (found: number, wanted: number): number => Math.abs(found - wanted) / Math.abs(wanted);
const worst = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => Math.max(a, b), 0);

/** Norms relative to themselves; samples relative to the tensor's largest. Tensors that the engine freezes are passed over. */
function checkTensors(what: string, samples: Samples, found: ReadonlyMap<string, Float32Array>, allowed: number): void {
	const named = Object.entries(samples).filter(([name]) => name !== "head.vocab_bias");
	const norms = named.map(([name, sample]) => relative(globalNorm([found.get(name)!]), sample.norm));
	const elements = named.map(([name, { at, values }]) => {
		const largest = worst(values.map(Math.abs));
		return worst(at.map((i, j) => Math.abs(found.get(name)![i]! - values[j]!) / largest));
	});
	check(`${what}: norms of ${named.length} tensors`, worst(norms), allowed);
	check(`${what}: samples`, worst(elements), allowed);
}

/** Every LoRA factor; names and shapes are the step's. */
function loraFeeds() {
	const factors = Object.entries(readGolden<StepFixture>("tsdae-step.json").step.gradients).filter(([name]) => name.includes(".lora_"));
	return Object.fromEntries(factors.map(([name, { shape }]) => [name, float32(goldenValues(name, shape[0]! * shape[1]!), shape)]));
}

async function checkEncoder(): Promise<void> {
	const { ids, vectors } = readGolden<EncoderFixture>("encoder.json");
	const texts = ids.map((row) => Int32Array.from(row));
	for (const [kind, { pooled }] of Object.entries(vectors)) {
		const quantized = kind !== "fp32";
		const lora = { ...LORA, targetModules: kind === "nf4_lora" ? LORA.targetModules : [] };
		const shape = { config: base.encoder, pooling: "mean", quantized, lora, embeddingRows: base.encoder.vocabSize } as const;
		const encoder = await Encoder.create(shape, { device: chooseDevice("cpu"), threads: 1, memory: "lean" });
		const table = float32(base.weights.float32("embeddings.word_embeddings.weight"), [base.encoder.vocabSize, base.encoder.hiddenSize]);
		const found = await encoder.encode(texts, {
			...new FrozenFeeds(base, { doubleQuant: true }).feeds(encoder.frozen),
			word_embeddings: table,
			...(kind === "nf4_lora" ? loraFeeds() : {}),
		});
		const wanted = new Float32Array(Uint8Array.from(Buffer.from(pooled, "base64")).buffer);
		check(`encoder ${kind}`, worst(wanted.map((x, i) => Math.abs(x - found[i]!))), 2e-5);
		await encoder.dispose();
	}
}

async function checkStep(): Promise<void> {
	const { batch, step, restricted_vocabulary: few } = readGolden<StepFixture>("tsdae-step.json");
	for (const [what, wanted, vocabulary] of [
		["full", step, undefined],
		["restricted", few, few.vocabulary],
	] as const) {
		const golden = await GoldenStep.create(base, { tsdae: 1, contrastive: 0, anchor: 0 }, undefined, vocabulary);
		const { loss, gradients } = await golden.run(batch);
		check(`tsdae step, ${what} vocabulary: loss`, relative(loss, wanted.loss), 1e-5);
		checkTensors(`tsdae step, ${what} vocabulary`, wanted.gradients, gradients, 1e-4);
		await golden.dispose();
	}
}

async function checkObjectives(): Promise<void> {
	const { batch, objectives } = readGolden<ObjectivesFixture>("objectives.json");
	for (const [name, { weights, loss: wanted, gradients: samples }] of Object.entries(objectives)) {
		const golden = await GoldenStep.create(base, weights);
		const { loss, gradients } = await golden.run(batch);
		check(`${name}: loss`, relative(loss, wanted), 1e-5);
		checkTensors(name, samples, gradients, 1e-4);
		await golden.dispose();
	}
}

async function checkCurve(fixture: CurveFixture, curve: CurveFixture["curves"][number]): Promise<void> {
	const golden = await GoldenStep.create(base, curve.weights, fixture.lora_b_scale);
	const { parameters } = golden.step;
	const before = golden.values.map((values) => values.slice());
	const optimizer = new AdamW(golden.values, { ...ADAMW_DEFAULTS, weightDecay: fixture.weight_decay });
	const [losses, norms]: [number[], number[]] = [[], []];
	for (const [i, batch] of fixture.batches.entries()) {
		const { loss, gradients } = await golden.run(batch);
		const inOrder = parameters.map(({ name }) => gradients.get(name)!);
		const norm = globalNorm(inOrder);
		const rates = fixture.learning_rates[i]!;
		optimizer.step(
			inOrder,
			parameters.map(({ group }) => rates[group]),
			clipScale(norm, fixture.max_grad_norm),
		);
		losses.push(relative(loss, curve.losses[i]!));
		norms.push(relative(norm, curve.gradient_norms[i]!));
	}
	check(`ten steps, ${curve.name}: losses`, worst(losses), 1e-4);
	check(`ten steps, ${curve.name}: gradient norms`, worst(norms), 1e-3);
	const after = new Map(parameters.map(({ name }, i) => [name, golden.values[i]!]));
	checkTensors(`ten steps, ${curve.name}`, curve.parameters, after, 1e-3);
	const changes = parameters.map(({ name }, i) => {
		const change = golden.values[i]!.map((x, j) => x - before[i]![j]!);
		return relative(globalNorm([change]), curve.parameters[name]!.change_norm!);
	});
	check(`ten steps, ${curve.name}: change of parameters`, worst(changes), 1e-3);
	await golden.dispose();
}

await checkEncoder();
await checkStep();
await checkObjectives();
const curves = readGolden<CurveFixture>("adamw-curve.json");
// The engine's vocabulary bias is frozen.
for (const curve of curves.curves.filter(({ trains_vocab_bias }) => !trains_vocab_bias)) await checkCurve(curves, curve);
process.exitCode = failed === 0 ? 0 : 1;
