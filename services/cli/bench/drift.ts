import { createRunner, type ModelRunner, type RunnerInput } from "@dak/embed-service/engine";
import type { BaseModel } from "@dak/shared/models";

/** Cosine of rows [i·D, (i+1)·D) of two sets of vectors. */
function cosine(a: Float32Array, b: Float32Array): number {
	let [ab, aa, bb] = [0, 0, 0];
	for (let d = 0; d < a.length; d++) {
		ab += a[d]! * b[d]!;
		aa += a[d]! ** 2;
		bb += b[d]! ** 2;
	}
	return ab / Math.sqrt(aa * bb);
}

/** What a runner's arithmetic changes: cosines of its vectors with those of fp32 products over the same NF4 base. */
export async function drift(runner: ModelRunner, base: BaseModel, texts: readonly Int32Array[], batch: number) {
	const exact = await createRunner(base, { device: "cpu", threads: 1, compute: "fp32" });
	try {
		const cosines: number[] = [];
		for (let from = 0; from < texts.length; from += batch) {
			const inputs = texts.slice(from, from + batch).map((ids): RunnerInput => ({ ids, adapter: undefined }));
			const [mine, wanted] = [await runner.embed(inputs), await exact.embed(inputs)];
			for (let at = 0; at < mine.length; at += runner.dimension)
				cosines.push(cosine(mine.subarray(at, at + runner.dimension), wanted.subarray(at, at + runner.dimension)));
		}
		const mean = cosines.reduce((sum, one) => sum + one, 0) / cosines.length;
		return { mean, least: Math.min(...cosines) };
	} finally {
		await exact.close();
	}
}
