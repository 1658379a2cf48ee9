/**
 * What reads strangers' bytes. A target makes one input from a generator and reads it; refusing it with a reason below 500 is as
 * right as taking it, everything else is a fault.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readAdapter } from "@dak/shared/adapters";
import type { Random } from "@dak/shared/random";
import { openSafetensors } from "@dak/shared/safetensors";
import { loadTokenizer } from "@dak/shared/tokenization";
import { datasetFile } from "@dak/train-service/data";
import { PreparationPool } from "@dak/train-service/data/worker";
import { parquetWriteBuffer } from "hyparquet-writer";
import { writeSmallBase } from "../../services/train-service/testing/small-base.js";
import { writeSmallAdapter } from "../../shared/adapters/testing/adapter-folder.js";
import { mutateBytes, mutateJson, mutateJsonText } from "./mutate.js";
import { unigramTokenizer } from "./unigram.js";

export interface Target {
	/** Reads one mutated input. Returns when it was taken, throws what it was refused with. */
	once(random: Random): unknown;
}

type Open = (folder: string) => Target | Promise<Target>;

/** A safetensors file whose header is mutated as JSON keeps a length that fits it. */
function mutateSafetensors(bytes: Buffer, random: Random): Buffer {
	if (random.below(2) === 0) return mutateBytes(bytes, random);
	const length = Number(bytes.readBigUInt64LE(0));
	const header = Buffer.from(JSON.stringify(mutateJson(JSON.parse(bytes.subarray(8, 8 + length).toString()), random)) ?? "");
	const size = Buffer.alloc(8);
	size.writeBigUInt64LE(BigInt(header.length));
	return Buffer.concat([size, header, bytes.subarray(8 + length)]);
}

function safetensors(folder: string): Target {
	writeSmallAdapter(join(folder, "seed"));
	const seed = readFileSync(join(folder, "seed", "adapter_model.safetensors"));
	const path = join(folder, "case.safetensors");
	return {
		once(random) {
			writeFileSync(path, mutateSafetensors(seed, random));
			const file = openSafetensors(path);
			try {
				for (const name of file.tensors.keys()) file.bytes(name);
			} finally {
				file.close();
			}
		},
	};
}

/** An adapter folder of which one file is mutated. */
function adapterFolder(folder: string): Target {
	writeSmallAdapter(folder);
	const seeds = ["adapter_config.json", "manifest.json", "adapter_model.safetensors"].map((name) => ({
		path: join(folder, name),
		bytes: readFileSync(join(folder, name)),
	}));
	return {
		once(random) {
			const { path, bytes } = seeds[random.below(seeds.length)]!;
			const json = path.endsWith(".json");
			writeFileSync(path, json ? mutateJsonText(JSON.parse(bytes.toString()), random) : mutateSafetensors(bytes, random));
			try {
				readAdapter(folder, { name: "case", maxRank: 64 });
			} finally {
				writeFileSync(path, bytes);
			}
		},
	};
}

const TEXTS = ["red wool hat for winter", "Ünïcode — ﬁne\u0301 words", "a".repeat(3000), "\ud83d\ude00\u200d\u{1f466} [MASK] [SEP]", ""];

function tokenizer(folder: string): Target {
	writeSmallBase(folder);
	const seeds = [JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")) as unknown, unigramTokenizer()];
	const path = join(folder, "tokenizer.json");
	return {
		async once(random) {
			writeFileSync(path, mutateJsonText(seeds[random.below(seeds.length)], random));
			const loaded = await loadTokenizer(folder);
			for (const text of TEXTS) loaded.encode(text, { maxLength: 64 });
		},
	};
}

const STALL_MS = 2000;
const LINES = ["red hat", '"blue, ""wide"" hat"', "scarf;\ttall", "шапка 5 %", "x".repeat(200)];

/** Dataset files of one format, plain or packed. */
function dataset(name: string, seeds: readonly Buffer[]): Open {
	return (folder) => {
		mkdirSync(folder, { recursive: true });
		const path = join(folder, name);
		// As the service reads: in a thread that is given up where a library runs in circles over a damaged file.
		const pool = new PreparationPool(1, STALL_MS);
		const choices = [{}, { textColumn: "title" }, { textTemplate: "{brand} {title}" }];
		return {
			async once(random) {
				writeFileSync(path, mutateBytes(seeds[random.below(seeds.length)]!, random));
				const options = {
					...choices[random.below(choices.length)],
					maxTextBytes: 1000,
					maxBytes: 1_000_000,
					scratch: join(folder, ".scratch"),
				};
				const { sample } = await pool.run({ kind: "sample", files: [datasetFile(path)], read: options, bytes: 1000, limit: 1000 });
				return sample;
			},
		};
	};
}

const csv = Buffer.from(`brand,title,price\n${LINES.map((line, i) => `Acme,${line},${i}`).join("\n")}\n`);
const jsonl = Buffer.from(LINES.map((title) => JSON.stringify({ brand: "Acme", title, n: [1, { deep: null }] })).join("\n"));
const parquetOf = (codec: "UNCOMPRESSED" | "SNAPPY"): Buffer =>
	Buffer.from(
		parquetWriteBuffer({
			codec,
			columnData: [
				{ name: "brand", data: LINES.map(() => "Acme"), type: "STRING" },
				{ name: "title", data: LINES, type: "STRING" },
			],
		}),
	);

export const FILE_TARGETS: Readonly<Record<string, Open>> = {
	safetensors,
	"adapter folder": adapterFolder,
	"tokenizer.json": tokenizer,
	text: dataset("case.txt", [Buffer.from(LINES.join("\n"))]),
	csv: dataset("case.csv", [csv]),
	tsv: dataset("case.tsv", [Buffer.from(csv.toString().replaceAll(",", "\t"))]),
	jsonl: dataset("case.jsonl", [jsonl]),
	parquet: dataset("case.parquet", [parquetOf("UNCOMPRESSED"), parquetOf("SNAPPY")]),
	gzip: dataset("case.csv.gz", [gzipSync(csv)]),
};
