/** What the demo trains on and is measured with. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

export interface LabelledPair {
	readonly query: string;
	readonly relevant: readonly string[];
}

export interface DemoData {
	readonly label: string;
	/** The demo's own texts; undefined where the user's file is uploaded as it is. */
	readonly texts?: readonly string[];
	readonly file?: string;
	/** Held-out queries with what answers them; empty for a user's file. */
	readonly pairs: readonly LabelledPair[];
	/** What is searched. */
	readonly catalogue: readonly string[];
}

/** The corpus lies beside the sources; a build sees it from one folder deeper. */
function corpusFile(name: string): string {
	const here = ["./corpus/", "../../demo/corpus/"].map((folder) => fileURLToPath(new URL(folder + name, import.meta.url)));
	return here.find((path) => existsSync(path)) ?? here[0]!;
}

const lines = (path: string): string[] =>
	readFileSync(path, "utf8")
		.split("\n")
		.filter((line) => line !== "");

/** The demo's own corpus: an industrial supplier's catalogue (demo/corpus/generate.ts). */
export function ownCorpus(): DemoData {
	const texts = lines(corpusFile("texts.txt"));
	const pairs = lines(corpusFile("pairs.jsonl")).map((line) => JSON.parse(line) as LabelledPair);
	// House catalogue titles end in brand and part number behind a dash; dealers' do not.
	const catalogue = texts.filter((text) => text.includes(" - "));
	return { label: "an industrial supplier's catalogue", texts, pairs, catalogue };
}

export function userData(file: string): DemoData {
	if (!existsSync(file)) throw new Error(`--data: found no file ${file}`);
	return { label: basename(file), file, pairs: [], catalogue: [] };
}
