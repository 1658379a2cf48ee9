import { type Adapter, type LoraModule, writeAdapterFolder } from "@dak/shared/adapters";
import { type BaseModel, linearLayers } from "@dak/shared/models";
import { Random } from "@dak/shared/nn";

/** An adapter of all linear layers; speed does not depend on its values. */
export function randomAdapter(base: BaseModel, r: number, seed: number): Adapter {
	const random = new Random(seed);
	const values = (count: number) => Float32Array.from({ length: count }, () => (random.next() - 0.5) / 10);
	const modules = linearLayers(base.encoder).map(
		(layer): LoraModule => ({ ...layer, r, a: values(r * layer.inFeatures), b: values(r * layer.outFeatures) }),
	);
	return { name: `random-${seed}`, r, scale: 1, modules, manifest: undefined, weightsHash: "", bytes: 0 };
}

/** Writes it as a job would. @param canaries what serving checks at load */
export function writeRandomAdapter(
	folder: string,
	base: BaseModel,
	{ name, r, modules }: Adapter,
	canaries: readonly { readonly text: string; readonly embedding: readonly number[] }[] = [],
): void {
	const { folder: found, fingerprint, encoder, normalize, prompts, pooling, maxSeqLength } = base;
	writeAdapterFolder(folder, {
		name,
		r,
		alpha: r,
		modules,
		base: { ref: found.ref, fingerprint, hiddenSize: encoder.hiddenSize, normalize, prompts },
		tokenizerHash: "",
		dataHash: "",
		quantization: "nf4-double",
		pooling,
		maxLength: maxSeqLength,
		maxSeqLength,
		settings: {},
		metrics: {},
		verdict: "unverified",
		canaries,
	});
}
