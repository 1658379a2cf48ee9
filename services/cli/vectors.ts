/** Vectors of many texts from embed-service, as one matrix. */
import type { DakClient } from "@dak/shared/client";
import { unitVectors, type Vectors } from "@dak/shared/evaluation";

export interface VectorsOptions {
	/** None: the base. */
	readonly adapter?: string | undefined;
	readonly promptName?: string | undefined;
	/** Hears how many texts are done. */
	readonly onTexts?: ((count: number) => void) | undefined;
}

/** Unit vectors, in order, and what served them. @throws DakApiError ADAPTER_NOT_FOUND, OVERLOADED … */
export async function vectorsOf(
	dak: DakClient,
	texts: readonly string[],
	{ onTexts, ...model }: VectorsOptions,
): Promise<{ readonly vectors: Vectors; readonly servedAs: string }> {
	const rows: Float32Array[] = [];
	const adapters = new Set<string>();
	for await (const batch of dak.embeddings.stream(texts, { ...model, truncate: true })) {
		for (const vector of batch.vectors) rows.push(vector);
		for (const name of batch.adapters) adapters.add(name);
		onTexts?.(rows.length);
	}
	const dimension = rows[0]!.length;
	const data = new Float32Array(rows.length * dimension);
	for (const [i, row] of rows.entries()) data.set(row, i * dimension);
	return { vectors: unitVectors(data, dimension), servedAs: [...adapters].join(", ") };
}
