/** Checks that an adapter fits the base, and lays its factors out as the graphs take them. */
import type { Adapter, LoraModule } from "@dak/shared/adapters";
import { DakError } from "@dak/shared/errors";
import { type EncoderConfig, linearLayers } from "@dak/shared/models";
import type { LayerFactors } from "./protocol.js";

function refuse(adapter: Adapter, problem: string): never {
	throw new DakError("ADAPTER_INCOMPATIBLE", `adapter ${adapter.name}: ${problem}`);
}

function checkModule(adapter: Adapter, module: LoraModule, expected: { inFeatures: number; outFeatures: number } | undefined): void {
	const { path, inFeatures, outFeatures, r, a, b } = module;
	if (!expected) refuse(adapter, `found factors for ${path}; the base has no such linear layer`);
	if (inFeatures !== expected.inFeatures || outFeatures !== expected.outFeatures)
		refuse(adapter, `${path}: found ${outFeatures}×${inFeatures}; the base's layer is ${expected.outFeatures}×${expected.inFeatures}`);
	if (a.length !== r * inFeatures || b.length !== outFeatures * r)
		refuse(adapter, `${path}: the factors' sizes do not agree with rank ${r}`);
	if (!a.every(Number.isFinite) || !b.every(Number.isFinite)) refuse(adapter, `${path}: the factors hold values that are not finite`);
}

/** @shape b [N,R] → [R,N], times `scale` */
function transposed({ b, r, outFeatures }: LoraModule, scale: number): Float32Array {
	const flipped = new Float32Array(b.length);
	for (let n = 0; n < outFeatures; n++) for (let i = 0; i < r; i++) flipped[i * outFeatures + n] = b[n * r + i]! * scale;
	return flipped;
}

/** @throws ADAPTER_INCOMPATIBLE giving what was found and what the base has */
export function layerFactors(adapter: Adapter, config: EncoderConfig): LayerFactors[] {
	const layers = new Map(linearLayers(config).map((layer) => [layer.path, layer]));
	if (!Number.isFinite(adapter.scale)) refuse(adapter, `found scale ${adapter.scale}; a finite number is expected`);
	return adapter.modules.map((module) => {
		checkModule(adapter, module, layers.get(module.path));
		return { path: module.path, r: module.r, a: module.a.slice(), b: transposed(module, adapter.scale) };
	});
}
