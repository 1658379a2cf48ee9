/** What the demo trains on and is measured with. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

export interface LabelledPair {
	readonly query: string;
	readonly relevant: readonly string[];
}

/** Texts of the demo's own, with labels. */
export interface OwnCorpus {
	readonly kind: "own";
	readonly label: string;
	readonly texts: readonly string[];
	/** Held-out queries with what answers them. */
	readonly pairs: readonly LabelledPair[];
	/** What is searched. */
	readonly catalogue: readonly string[];
}

/** A user's file, uploaded as it is; it has no labels. */
export interface UserFile {
	readonly kind: "user";
	readonly label: string;
	readonly file: string;
}

export type DemoData = OwnCorpus | UserFile;

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
export function ownCorpus(): OwnCorpus {
	const texts = lines(corpusFile("texts.txt"));
	const pairs = lines(corpusFile("pairs.jsonl")).map((line) => JSON.parse(line) as LabelledPair);
	// House catalogue titles end in brand and part number behind a dash; dealers' do not.
	const catalogue = texts.filter((text) => text.includes(" - "));
	return { kind: "own", label: "an industrial supplier's catalogue", texts, pairs, catalogue };
}

/** @throws Error if there is no such file */
export function userFile(file: string): UserFile {
	if (!existsSync(file)) throw new Error(`--data: found no file ${file}`);
	return { kind: "user", label: basename(file), file };
}
