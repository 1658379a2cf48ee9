/** Many registered adapters in a real service: how fast it starts, loads them, and brings evicted ones back. */
import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { randomAdapter, writeRandomAdapter } from "./random-adapter.js";
import { ServedEmbed } from "./served.js";
import { round, summary } from "./statistics.js";

export interface RegisteredOptions {
	readonly registered: number;
	readonly resident: number;
	readonly threads: number;
	readonly rank: number;
	readonly compute: string;
	readonly dropCaches: (folder: string) => void;
}

/** Different weights; the rest of the adapters are links to these files. */
const DIFFERENT = 8;
const LOADS = 200;

const nameOf = (i: number): string => `adapter-${String(i).padStart(4, "0")}`;

interface Listed {
	readonly adapters: readonly { readonly bytes: number; readonly resident: boolean; readonly merged: boolean }[];
}

export async function registered(base: string, options: RegisteredOptions) {
	const folders = mkdtempSync(join(tmpdir(), "dak-bench-adapters-"));
	const model = await openBaseModel(await resolveModel(base, { allowPaths: true }));
	let factorBytes = 0;
	for (let i = 0; i < DIFFERENT; i++) {
		const adapter = randomAdapter(model, options.rank, i + 1);
		writeRandomAdapter(join(folders, `${i}`), model, adapter);
		factorBytes = adapter.modules.reduce((sum, { a, b }) => sum + a.byteLength + b.byteLength, 0) * options.threads;
	}
	model.weights.close();
	let root = "";
	const memory = Math.ceil((options.resident * factorBytes) / 2 ** 20);
	const service = await ServedEmbed.start(
		base,
		{
			DAK_COMPUTE: options.compute,
			DAK_THREADS: `${options.threads}`,
			DAK_ADAPTER_MEMORY_MB: `${memory}`,
			DAK_ADAPTER_MERGED_MB: "0",
		},
		(_, artifacts) => {
			root = artifacts;
			for (let i = 0; i < options.registered; i++)
				linkFolder(join(folders, `${i % DIFFERENT}`), join(artifacts, "adapters", nameOf(i), "1"));
		},
	);
	try {
		const load = async (i: number) => {
			const { status, ms } = await service.post("/v1/adapters", { name: nameOf(i) });
			if (status >= 300) throw new Error(`loading ${nameOf(i)}: ${status}`);
			return ms;
		};
		const embed = async (i: number) => {
			const { status, ms } = await service.post("/embed", { inputs: "one short text", adapter: nameOf(i) });
			if (status !== 200) throw new Error(`embedding with ${nameOf(i)}: ${status}`);
			return ms;
		};
		const pick = (i: number) => (i * 7919) % options.registered;
		const times = { warm: [] as number[], disk: [] as number[], back: [] as number[], resident: [] as number[] };
		for (let i = 0; i < LOADS; i++) {
			times.warm.push(await load(pick(i)));
			options.dropCaches(join(root, "adapters", nameOf(pick(i + LOADS)), "1"));
			times.disk.push(await load(pick(i + LOADS)));
			times.back.push(await embed(pick(i + 2 * LOADS)));
			times.resident.push(await embed(pick(i + 2 * LOADS)));
		}
		const { adapters } = (await service.get("/v1/adapters")) as Listed;
		return {
			registered: adapters.length,
			resident: adapters.filter(({ resident }) => resident).length,
			memory_budget_mb: memory,
			start_s: round(service.startMs / 1000, 2),
			rss_mb: service.rssMb(),
			load_warm: summary(times.warm),
			load_from_disk: summary(times.disk),
			embed_brought_back: summary(times.back),
			embed_resident: summary(times.resident),
		};
	} finally {
		await service.stop();
		rmSync(folders, { recursive: true });
	}
}

/** The same folder again without its bytes. */
function linkFolder(from: string, to: string): void {
	mkdirSync(to, { recursive: true });
	for (const entry of readdirSync(from, { withFileTypes: true })) {
		if (entry.isDirectory()) cpSync(join(from, entry.name), join(to, entry.name), { recursive: true });
		else linkSync(join(from, entry.name), join(to, entry.name));
	}
}
