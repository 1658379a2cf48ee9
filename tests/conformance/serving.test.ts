/** The graphs that embed-service runs, on the chosen device, against the CPU. */
import { linearLayers } from "@dak/shared/models";
import {
	type AdapterMode,
	baseFeeds,
	buildEmbedGraph,
	loraAInput,
	loraBInput,
	packBase,
	planTiles,
	poolStates,
	TextRows,
} from "@dak/shared/nn/inference";
import { type Feeds, float32, int64, Session, type SessionOptions } from "@dak/shared/runtime";
import { describe, expect, test } from "vitest";
import { DEVICE, gap, ON_DEVICE, REFERENCE, TIMEOUT_MS, TOLERANCE } from "./device.js";
import { smallBatch, smallModel } from "./step.js";

const base = smallModel();
const packed = packBase(base);
const texts = smallBatch(3).map(({ clean }) => clean);
const lengths = texts.map(({ length }) => length);
/** Text by text: two adapters and the base. */
const ADAPTERS = [0, 1, -1, 0];
/** Of one block of ranks. */
const R = 16;

const wave = (count: number, salt: number) => Float32Array.from({ length: count }, (_, i) => 0.2 * Math.sin(i * 1.7 + salt));

/** Factors of adapters laid behind each other, or of one alone. */
function factors(adapters: readonly number[], leading: readonly number[]): Feeds {
	const side = (features: number, salt: number, shape: readonly number[]) =>
		float32(Float32Array.from(adapters.flatMap((adapter) => [...wave(R * features, salt + 10 * adapter)])), [
			...leading,
			...shape,
			features,
		]);
	return Object.fromEntries(
		linearLayers(base.encoder).flatMap(({ path, inFeatures, outFeatures }, i) => [
			[loraAInput(path), side(inFeatures, i, [1, R])],
			[loraBInput(path), side(outFeatures, i + 0.5, [R])],
		]),
	);
}

function adapterFeeds(mode: AdapterMode): Feeds {
	if (mode === "none") return {};
	if (mode === "one") return factors([0], []);
	const plan = planTiles(lengths, ADAPTERS);
	const count = plan.adapters.length;
	return {
		...factors(plan.adapters, [count]),
		tile_index: int64(plan.index, [count, plan.rowsPerTile]),
		tile_pack: int64(plan.pack, [plan.pack.length]),
	};
}

async function vectors(mode: AdapterMode, options: SessionOptions): Promise<Float32Array> {
	const session = await Session.create(buildEmbedGraph(base.encoder, mode, "fp32", packed), options);
	const outputs = await session.run({
		...baseFeeds(packed),
		...adapterFeeds(mode),
		...new TextRows(lengths).feeds(Int32Array.from(texts.flatMap((text) => [...text])), base.encoder.heads, packed),
	});
	await session.dispose();
	return poolStates(outputs.states!.data as Float32Array, lengths, base.encoder.hiddenSize, "mean");
}

describe(`on ${DEVICE.kind}`, () => {
	test.each(["none", "one", "tiles"] as const)("vectors with adapters: %s", { timeout: TIMEOUT_MS }, async (mode) => {
		const wanted = await vectors(mode, REFERENCE);
		expect(gap(await vectors(mode, ON_DEVICE), wanted)).toBeLessThan(TOLERANCE.vector);
	});
});
