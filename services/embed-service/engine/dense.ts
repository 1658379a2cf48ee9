/** What an adapter's Dense module does to its texts' vectors, behind the pooling. */
import type { Adapter, DenseModule } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { dotOf } from "@dak/shared/evaluation";

/** @throws ADAPTER_INCOMPATIBLE for a module that does not take, or does not give, vectors of the base's size */
export function checkDense({ name, dense }: Adapter, dimension: number): void {
	if (!dense) return;
	const { inFeatures, outFeatures } = dense;
	if (inFeatures !== dimension || outFeatures !== dimension)
		throw new DakError(
			"ADAPTER_INCOMPATIBLE",
			`adapter ${name}: Dense module: found ${inFeatures} → ${outFeatures}, allowed: ${dimension} → ${dimension}, the base's vectors`,
		);
}

/**
 * v ↦ W·v/|v| + b, in place, of the texts whose adapter has a module.
 * @shape vectors [B,D] row-major; adapters: B
 */
export function applyDense(vectors: Float32Array, adapters: readonly number[], modules: ReadonlyMap<number, DenseModule>): void {
	if (modules.size === 0) return;
	const dimension = vectors.length / adapters.length;
	for (const [row, adapter] of adapters.entries()) {
		const dense = modules.get(adapter);
		if (dense) throughDense(vectors.subarray(row * dimension, (row + 1) * dimension), dense);
	}
}

function throughDense(vector: Float32Array, { weight, bias }: DenseModule): void {
	const length = Math.sqrt(dotOf(vector, vector));
	const unit = length > 0 ? vector.map((value) => value / length) : vector.slice();
	for (let n = 0; n < vector.length; n++) vector[n] = dotOf(unit, weight, n * unit.length) + bias[n]!;
}
