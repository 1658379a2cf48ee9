import type { ProgressJson } from "@dak/shared/client";
import fc from "fast-check";
import { expect, test } from "vitest";
import { liveProgress, plainProgress } from "./progress-line.js";
import { sparkline } from "./sparkline.js";

const PROGRESS: ProgressJson = {
	step: 45,
	total_steps: 120,
	epoch: 0.4,
	loss: 2.958,
	learning_rate: 3e-4,
	tokens_per_second: 1188.4,
	sentences_per_second: 40,
	memory_bytes: 662 * 2 ** 20,
	device_memory_bytes: 0,
	eta_seconds: 69,
	grad_norm: 1,
};
const LOSSES = Array.from({ length: 45 }, (_, i) => 7 / (i + 1));

test("at 80 columns there are bar, loss, its curve, speed, memory and time left", () => {
	expect(liveProgress(PROGRESS, LOSSES, 80)).toBe("  ███░░░░░░  45/120  loss 2.958 █▃▂▂▁▁▁▁▁▁▁▁  1188 tokens/s  662 MiB  1:09 left");
	expect(liveProgress(PROGRESS, LOSSES, 120)).toMatch(/^ {2}█+░+ {2}45\/120 {2}loss 2\.958 [▁▂▃▄▅▆▇█]{20,} {2}1188 tokens\/s/);
});

test("what follows the curve stands still while it grows", () => {
	const at = (count: number) => liveProgress(PROGRESS, LOSSES.slice(0, count), 100).indexOf("1188 tokens/s");
	expect(at(1)).toBe(at(45));
});

test("a line never reaches the last column, down to 50 of them, and always says step, loss and time left", () => {
	const steps = fc.integer({ min: 1, max: 1_000_000 });
	fc.assert(
		fc.property(
			fc.integer({ min: 60, max: 250 }),
			steps,
			fc.double({ min: 0, max: 999, noNaN: true }),
			fc.integer({ min: 0, max: 2 ** 36 }),
			(columns, step, loss, device) => {
				const line = liveProgress(
					{ ...PROGRESS, step, total_steps: Math.max(step, 120), loss, device_memory_bytes: device },
					LOSSES,
					columns,
				);
				expect(line.length).toBeLessThan(columns);
				expect(line).toContain(`${step}/`);
				expect(line).toContain(`loss ${loss.toFixed(3)}`);
				expect(line).toContain("1:09 left");
			},
		),
	);
});

test("in a pipe there is no curve", () => {
	expect(plainProgress(PROGRESS)).toBe("  █████████░░░░░░░░░░░░░░░ 45/120  loss 2.958  1188 tokens/s  662 MiB  1:09 left");
});

test("a curve goes from its lowest to its highest, whatever the length", () => {
	expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe("▁▂▃▄▅▆▇█");
	expect(sparkline([8, 8, 1, 1], 2)).toBe("█▁");
	expect(sparkline([5], 10)).toBe("▄");
	expect(sparkline([], 10)).toBe("");
	expect(sparkline([1, Number.NaN, 1], 3)).toHaveLength(3);
});
