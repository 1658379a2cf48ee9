/** Every op and every derivative rule on the chosen device, against the CPU (whose rules equal finite differences). */
import { describe, expect, test } from "vitest";
import { OP_CASES, type OpCase } from "../../shared/autodiff/testing/op-cases.js";
import { RunningCase } from "../../shared/autodiff/testing/run-case.js";
import { DEVICE, gap, ON_DEVICE, REFERENCE, TIMEOUT_MS, TOLERANCE } from "./device.js";

async function results(one: OpCase, options: typeof ON_DEVICE) {
	const running = await RunningCase.create(one, options);
	try {
		return await running.run();
	} finally {
		await running.dispose();
	}
}

describe(`on ${DEVICE.kind}`, () => {
	for (const [op, cases] of Object.entries(OP_CASES)) {
		test.each(cases.map((one, i) => [i + 1, one] as const))(
			`${op}, case %i: value and gradients`,
			{ timeout: TIMEOUT_MS },
			async (_, one) => {
				const wanted = await results(one, REFERENCE);
				const found = await results(one, ON_DEVICE);
				expect(Object.keys(found)).toEqual(Object.keys(wanted));
				for (const [name, { dims, data }] of Object.entries(wanted)) {
					// A sum of everything may be near 0, and then says nothing about accuracy.
					if (name === "loss") continue;
					expect(found[name]!.dims, `shape of ${name}`).toEqual(dims);
					expect(gap(found[name]!.data as Float32Array, data as Float32Array), name).toBeLessThan(TOLERANCE.op);
				}
			},
		);
	}
});
