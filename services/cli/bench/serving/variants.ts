/** Adapters whose vectors are computed apart, by an engine of this process, so that every answer of a service can be checked. */
import { join } from "node:path";
import { createRunner, type RunnerAdapter } from "@dak/embed-service/engine";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import type { ComputeMode } from "@dak/shared/nn/inference";
import { loadTokenizer } from "@dak/shared/tokenization";
import { randomAdapter, writeRandomAdapter } from "./random-adapter.js";

export interface Variant {
	/** Of each text, by the state that the service may be in: factors, merged. @shape [D] each */
	readonly vectors: readonly (readonly Float32Array[])[];
	/** Writes its folder, with canaries. */
	write(folder: string): void;
}

function unit(vector: Float32Array): Float32Array {
	const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
	return vector.map((value) => value / length);
}

/** Largest difference of a served vector to the nearest state's. */
export function gapTo(vector: readonly number[], states: readonly Float32Array[]): number {
	return Math.min(...states.map((state) => vector.reduce((gap, value, i) => Math.max(gap, Math.abs(value - state[i]!)), 0)));
}

export async function makeVariants(baseFolder: string, compute: ComputeMode, count: number, texts: readonly string[]): Promise<Variant[]> {
	const base = await openBaseModel(await resolveModel(baseFolder, { allowPaths: true }));
	const tokenizer = await loadTokenizer(base.folder.path);
	const runner = await createRunner(base, { device: "cpu", threads: 1, compute });
	const embed = async (adapter: RunnerAdapter) => {
		const made: Float32Array[] = [];
		for (const text of texts)
			made.push(unit(await runner.embed([{ ids: tokenizer.encode(text, { maxLength: base.maxSeqLength }), adapter }])));
		return made;
	};
	const variants: Variant[] = [];
	for (let i = 0; i < count; i++) {
		const adapter = randomAdapter(base, 16, i + 1);
		const states = [await runner.prepare(adapter), ...(runner.merges ? [await runner.merge(adapter)] : [])];
		const byState = await Promise.all(states.map(embed));
		for (const state of states) state.dispose();
		const canaries = texts.slice(0, 2).map((text, at) => ({ text, embedding: [...byState[0]![at]!] }));
		variants.push({
			vectors: texts.map((_, at) => byState.map((vectors) => vectors[at]!)),
			write: (folder) => writeRandomAdapter(join(folder), base, adapter, canaries),
		});
	}
	await runner.close();
	base.weights.close();
	return variants;
}
