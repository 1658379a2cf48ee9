import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { jobSettingsSchema } from "../jobs/index.js";
import { jobWith } from "../testing/index.js";
import { largest } from "./fit.js";
import { type EstimateRequest, estimateJob, type JobEstimate, ProcessEstimator, whatWouldFit } from "./index.js";

const WORDS = "bolt nut washer screw motor gear valve pipe ring seal steel brass plain zinc".split(" ");
const texts = Array.from({ length: 200 }, (_, i) =>
	Array.from({ length: 4 + (i % 20) }, (_, k) => WORDS[(i * 7 + k * (1 + (i % 5))) % WORDS.length]).join(" "),
);

function request(more: Record<string, unknown> = {}, availableBytes = Number.MAX_SAFE_INTEGER): EstimateRequest {
	return {
		settings: jobSettingsSchema.parse(jobWith({ device: "cpu", ...more })),
		modelPath: join(process.env.DAK_TEST_MODELS!, "all-MiniLM-L6-v2"),
		sample: { texts, total: texts.length },
		threads: 1,
		availableBytes,
		time: false,
		pastTokensPerSecond: [],
	};
}

const totalOf = ({ parts }: JobEstimate) => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

describe("an estimate", () => {
	test("is the sum of its parts, and grows with what takes memory", async () => {
		const small = await estimateJob(request({ training: { batch_size: 4 } }));
		expect(totalOf(small)).toBe(small.totalBytes);
		const large = await estimateJob(request({ training: { batch_size: 64 } }));
		expect(large.phase).toBe("training");
		expect(large.parts.activations).toBeGreaterThan(3 * small.parts.activations);
		const full = await estimateJob(request({ training: { batch_size: 64, vocabulary: "full" } }));
		// 30,522 rows of 384 numbers.
		expect(full.parts.embeddings).toBeGreaterThan(30_522 * 384 * 4);
		// Beside the texts' own rows the sampled softmax has 2,048, and the whitened anchor a map of 384.
		expect(large.parts.embeddings).toBeLessThan((300 + 2048 + 400) * 384 * 4);
		const rank = await estimateJob(request({ training: { batch_size: 64 }, lora: { r: 64 } }));
		expect(rank.parts.optimizer).toBeGreaterThan(1.5 * large.parts.optimizer);
	});

	test("of a job that does not fit says what would, and that fits", async () => {
		const roomy = await estimateJob(request({ training: { batch_size: 64 } }));
		const checkpointed = await estimateJob(request({ training: { batch_size: 64, gradient_checkpointing: true } }));
		expect(checkpointed.totalBytes).toBeLessThan(0.95 * roomy.totalBytes);
		const available = checkpointed.totalBytes;
		const { fits, whatWouldFit: found } = await estimateJob(request({ training: { batch_size: 64 } }, available));
		expect(fits).toBe(false);
		expect(found.map(({ gradientCheckpointing }) => gradientCheckpointing)).toEqual([true, false, false]);
		for (const { batchSize, gradientAccumulation, maxLength, gradientCheckpointing, totalBytes } of found) {
			const training = {
				batch_size: batchSize,
				gradient_accumulation: gradientAccumulation,
				gradient_checkpointing: gradientCheckpointing,
			};
			const again = await estimateJob(request({ training, max_length: maxLength }, available));
			expect(again).toMatchObject({ fits: true, totalBytes });
			expect(batchSize * gradientAccumulation).toBeGreaterThanOrEqual(64);
		}
	});

	test("of a time is its steps' work at this machine's speed, or earlier jobs' speed", async () => {
		const job = { training: { batch_size: 16, max_steps: 100 } };
		const measured = await estimateJob({ ...request(job), time: true });
		expect(measured.steps).toBe(100);
		expect(measured.seconds.low).toBeLessThan(measured.seconds.expected);
		expect(measured.seconds.expected).toBeLessThan(measured.seconds.high);
		const past = await estimateJob({ ...request(job), time: true, pastTokensPerSecond: [1, 1.2] });
		expect(past.seconds.expected).toBeGreaterThan(10 * measured.seconds.expected);
		expect(past.basis.join()).toContain("2 earlier jobs");
	});
});

test("the largest number that passes is found", () => {
	fc.assert(
		fc.property(
			fc.integer({ min: 0, max: 500 }),
			fc.integer({ min: 0, max: 500 }),
			fc.integer({ min: 0, max: 500 }),
			(low, high, limit) => {
				const found = largest(low, high, (n) => n <= limit);
				expect(found).toBe(low > high || low > limit ? undefined : Math.min(high, limit));
			},
		),
	);
});

test("what would fit keeps the effective batch, and names nothing where nothing fits", () => {
	const settings = jobSettingsSchema.parse(jobWith({ training: { batch_size: 32, gradient_accumulation: 2 }, max_length: 64 }));
	const total = ({ training, max_length }: typeof settings) => training.batch_size * max_length;
	const smaller = [
		{ batchSize: 10, gradientAccumulation: 7, maxLength: 64, gradientCheckpointing: false, totalBytes: 640 },
		{ batchSize: 32, gradientAccumulation: 2, maxLength: 21, gradientCheckpointing: false, totalBytes: 672 },
	];
	expect(whatWouldFit(settings, 700, total)).toEqual(smaller);
	expect(whatWouldFit(settings, 100, total)).toEqual([]);
	const halved = (job: typeof settings) => total(job) / (job.training.gradient_checkpointing ? 4 : 1);
	const checkpointed = { batchSize: 32, gradientAccumulation: 2, maxLength: 64, gradientCheckpointing: true, totalBytes: 512 };
	expect(whatWouldFit(settings, 700, halved)).toEqual([checkpointed, ...smaller]);
	expect(whatWouldFit(settings, 50, halved)).toEqual([{ ...checkpointed, batchSize: 3, gradientAccumulation: 22, totalBytes: 48 }]);
});

describe("the estimator's process", () => {
	const estimator = new ProcessEstimator();
	afterAll(() => estimator.close());

	test("answers what the function answers, and keeps an error's reason", async () => {
		const asked = request({ training: { batch_size: 8 } });
		const [answer, refused] = await Promise.all([
			estimator.estimate(asked),
			estimator.estimate({ ...asked, modelPath: "/no/such/model" }).catch((error: unknown) => error),
		]);
		expect(answer).toEqual(await estimateJob(asked));
		expect(refused).toMatchObject({ reason: "INVALID_MODEL" });
	});

	test("is refused when it is closed in mid-work, and starts anew", async () => {
		const pending = estimator.estimate(request({ training: { batch_size: 9 } }));
		estimator.close();
		await expect(pending).rejects.toMatchObject({ reason: "DRAINING" });
		expect((await estimator.estimate(request({ training: { batch_size: 9 } }))).fits).toBe(true);
	});
});
