/** Whole steps, and ten steps with their updates, on the chosen device. */
import {
	ADAMW_DEFAULTS,
	AdamW,
	clipScale,
	DeviceSteps,
	globalNorm,
	learningRateFactor,
	type ParameterGroup,
	type StepNumbers,
} from "@dak/shared/nn";
import { describe, expect, test } from "vitest";
import { DEVICE, gap, ON_DEVICE, REFERENCE, SOFTWARE, TIMEOUT_MS, TOLERANCE } from "./device.js";
import { ALL_LOSSES, StepUnderTest, smallBatch, smallModel } from "./step.js";

const ADAMW = { ...ADAMW_DEFAULTS, weightDecay: 0.01 };
const STEPS = 10;
const MAX_NORM = 1;

function ratesOf(step: number): Record<ParameterGroup, number> {
	const factor = learningRateFactor(step, { scheduler: "linear", warmupSteps: 2, totalSteps: STEPS });
	return { lora: 3e-3 * factor, decoder: 1e-2 * factor };
}

/** The same steps with the optimiser on the host, gradients from the reference. */
async function trainOnHost(under: StepUnderTest) {
	const values = under.initial();
	const optimizer = new AdamW(values, ADAMW);
	const session = await under.session(REFERENCE);
	const losses: number[] = [];
	const norms: number[] = [];
	for (let t = 0; t < STEPS; t++) {
		const { loss, gradients } = await under.gradients(session, values, smallBatch(t));
		const norm = globalNorm(gradients);
		const rates = ratesOf(t);
		optimizer.step(
			gradients,
			under.step.parameters.map(({ group }) => rates[group]),
			clipScale(norm, MAX_NORM),
		);
		losses.push(loss);
		norms.push(norm);
	}
	await session.dispose();
	return { losses, norms, values, optimizer };
}

describe(`on ${DEVICE.kind}`, () => {
	test("one whole step with all losses has the reference's loss and gradients", { timeout: TIMEOUT_MS }, async () => {
		const under = new StepUnderTest(smallModel(), ALL_LOSSES);
		const values = under.initial();
		const [reference, session] = [await under.session(REFERENCE), await under.session(ON_DEVICE)];
		const wanted = await under.gradients(reference, values, smallBatch(0));
		const found = await under.gradients(session, values, smallBatch(0));
		await reference.dispose();
		await session.dispose();
		expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(TOLERANCE.loss);
		const largest = Math.max(...wanted.gradients.map((gradient) => globalNorm([gradient])));
		under.step.parameters.forEach(({ name }, i) => {
			// A gradient that is nothing beside the others is their rounding.
			if (globalNorm([wanted.gradients[i]!]) < 1e-6 * largest) return;
			expect(gap(found.gradients[i]!, wanted.gradients[i]!), name).toBeLessThan(TOLERANCE.gradient);
		});
	});

	// SwiftShader has no shader-f16.
	test.skipIf(SOFTWARE)("half-precision products with the frozen weights keep loss and gradients", { timeout: TIMEOUT_MS }, async () => {
		const [exact, half] = (["float32", "float16"] as const).map((type) => new StepUnderTest(smallModel(), ALL_LOSSES, 4, type));
		const values = exact!.initial();
		const [reference, session] = [await exact!.session(REFERENCE), await half!.session(ON_DEVICE)];
		const wanted = await exact!.gradients(reference, values, smallBatch(0));
		const found = await half!.gradients(session, values, smallBatch(0));
		await reference.dispose();
		await session.dispose();
		// A half has 11 bits: 5e-4 of a number.
		expect(Math.abs(found.loss / wanted.loss - 1)).toBeGreaterThan(0);
		expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(1e-3);
		const difference = wanted.gradients.map((gradient, i) => gradient.map((value, j) => value - found.gradients[i]![j]!));
		expect(globalNorm(difference) / globalNorm(wanted.gradients)).toBeLessThan(1e-2);
	});

	// WebGPU takes one step a call in any case.
	const CALLS = DEVICE.kind === "webgpu" ? [[[10]]] : [[[10]], [[4, 4, 2]]];
	test.each(CALLS)(
		"ten steps with their updates, %j in a call, end where the host's optimiser ends",
		{ timeout: TIMEOUT_MS },
		async (calls) => {
			const under = new StepUnderTest(smallModel(), ALL_LOSSES);
			const wanted = await trainOnHost(under);
			const values = under.initial();
			const optimizer = new AdamW(values, ADAMW);
			const options = { session: ON_DEVICE, constants: under.constants, optimizer, maxGradNorm: MAX_NORM };
			const device = await DeviceSteps.create(under.step, options);
			const numbers: StepNumbers[] = [];
			for (const count of calls) {
				const first = numbers.length;
				const steps = Array.from({ length: count }, (_, i) => ({ feeds: under.batch(smallBatch(first + i)), rates: ratesOf(first + i) }));
				numbers.push(...(await device.run(steps)));
			}
			await device.sync();
			await device.dispose();
			numbers.forEach(({ loss, gradNorm }, t) => {
				expect(Math.abs(loss / wanted.losses[t]! - 1), `loss of step ${t}`).toBeLessThan(TOLERANCE.curve);
				expect(Math.abs(gradNorm / wanted.norms[t]! - 1), `gradient norm of step ${t}`).toBeLessThan(10 * TOLERANCE.curve);
			});
			expect(optimizer.steps).toBe(STEPS);
			under.step.parameters.forEach(({ name }, i) => {
				expect(gap(values[i]!, wanted.values[i]!), name).toBeLessThan(TOLERANCE.trained);
				expect(gap(optimizer.moments[i]!.second, wanted.optimizer.moments[i]!.second), `${name}: second moment`).toBeLessThan(
					20 * TOLERANCE.trained,
				);
			});
		},
	);
});
