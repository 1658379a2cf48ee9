/**
 * Preparing a large file: texts a second, and what memory it takes. Without --data the file is generated: words at random out of the demo's
 * catalogue, every tenth line again, every tenth once more in other words.
 */
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { loadConfig } from "@dak/shared/config";
import { modelSources, resolveModel } from "@dak/shared/models";
import { Random } from "@dak/shared/nn";
import { peakRssBytes } from "@dak/shared/observability";
import { DEFAULT_PREPARATION, datasetFile, prepareTexts, readFiles } from "@dak/train-service/data";
import { ownCorpus } from "../demo/data.js";

const MIB = 2 ** 20;

export async function benchData(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({
		args: [...argv],
		options: {
			mib: { type: "string", default: "500" },
			data: { type: "string" },
			model: { type: "string" },
			"max-texts": { type: "string", default: String(DEFAULT_PREPARATION.maxTexts) },
			json: { type: "boolean" },
		},
	});
	const folder = mkdtempSync(join(tmpdir(), "dak-bench-data-"));
	try {
		const path = values.data ?? join(folder, "texts.txt");
		if (values.data === undefined) await pipeline(() => generated(Number(values.mib) * MIB), createWriteStream(path));
		return await measure(path, folder, values.model, Number(values["max-texts"]));
	} finally {
		rmSync(folder, { recursive: true });
	}
}

async function measure(path: string, folder: string, model: string | undefined, maxTexts: number): Promise<object> {
	const found = model === undefined ? undefined : await resolveModel(model, modelSources(loadConfig()));
	const base = found && { ref: found.ref, folder: found.path, maxLength: 64 };
	const outputs = { texts: join(folder, "out.jsonl"), validation: join(folder, "held-out.jsonl") };
	const texts = readFiles([datasetFile(path)], { maxTextBytes: MIB, maxBytes: 2 ** 40, scratch: outputs.texts });
	const before = peakRssBytes();
	const cpu = process.cpuUsage();
	const started = performance.now();
	const statistics = await prepareTexts(texts, outputs, { ...DEFAULT_PREPARATION, maxTexts }, base);
	const seconds = (performance.now() - started) / 1000;
	const { user, system } = process.cpuUsage(cpu);
	const bytes = statSync(path).size;
	return {
		bench: "data",
		file_mib: Math.round(bytes / MIB),
		model: base?.ref ?? null,
		seconds: Math.round(seconds * 10) / 10,
		cpu_seconds: Math.round((user + system) / 1e5) / 10,
		mib_per_second: Math.round((bytes / MIB / seconds) * 10) / 10,
		texts_per_second: Math.round(statistics.records / seconds),
		rss_before_mib: Math.round(before / MIB),
		peak_rss_mib: Math.round(peakRssBytes() / MIB),
		records: statistics.records,
		texts: statistics.texts,
		duplicates_removed: statistics.duplicates_removed,
		near_duplicates_removed: statistics.near_duplicates_removed,
		sampled_out: statistics.sampled_out,
	};
}

/** Lines of ten to thirty words, in pieces, until there are so many bytes. */
function* generated(bytes: number): Generator<string> {
	const random = new Random(1);
	const words = ownCorpus().texts.flatMap((text) => text.split(" "));
	const line = () => Array.from({ length: 10 + random.below(20) }, () => words[random.below(words.length)]).join(" ");
	for (let written = 0; written < bytes; ) {
		const fresh = Array.from({ length: 8 }, line);
		const piece = [...fresh, fresh[0], `${fresh[1]?.toUpperCase()}!`, ""].join("\n");
		written += Buffer.byteLength(piece);
		yield piece;
	}
}
