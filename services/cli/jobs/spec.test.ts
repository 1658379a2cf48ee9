import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobSpec, type SpecOptions, withSpec } from "./spec.js";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "dak-spec-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
	writeFileSync(join(folder, name), content);
	return join(folder, name);
}

function specOf(...args: string[]) {
	const command = withSpec(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
	command.parse(["--base", "m", ...args], { from: "user" });
	return jobSpec(command.opts<SpecOptions>(), { upload: "ds_1" });
}

test("only what was given is in the job", () => {
	expect(specOf()).toEqual({ base_model: "m", dataset: { upload: "ds_1" } });
});

test("options and any other field come together", () => {
	expect(
		specOf(
			"-n",
			"x",
			"--steps",
			"5",
			"--rank",
			"8",
			"--set",
			"training.batch_size=16",
			"--set",
			'lora.target_modules=["query"]',
			"--set",
			"noise.kind=swap",
		),
	).toEqual({
		base_model: "m",
		dataset: { upload: "ds_1" },
		adapter_name: "x",
		training: { max_steps: 5, batch_size: 16 },
		lora: { r: 8, target_modules: ["query"] },
		noise: { kind: "swap" },
	});
});

test.each([
	[["--steps", "many"], 'found "many", allowed: a number'],
	[["--set", "training"], "allowed: a field of the job and its value"],
	[["--set", "__proto__.x=1"], "allowed: a field of the job and its value"],
])("a mistake is refused: %j", (args, message) => {
	expect(() => specOf(...args)).toThrow(message);
});

test("labelled queries are read as lines and as one document, a single relevant text as well as several", () => {
	const lines = file("pairs.jsonl", '{"query": "a", "relevant": ["b"]}\n\n{"query": "c", "relevant": "d"}\n');
	const queries = [
		{ query: "a", relevant: ["b"] },
		{ query: "c", relevant: ["d"] },
	];
	expect(specOf("--eval", lines).evaluation).toEqual({ queries, corpus: [] });
	const whole = file("pairs.json", JSON.stringify({ queries, corpus: ["e"] }));
	expect(specOf("--eval", whole, "--corpus", file("corpus.txt", "f\n\ng \n")).evaluation).toEqual({ queries, corpus: ["e", "f", "g"] });
});

test.each([
	['{"query": "a", "relevant": ["b"]}\n{"query": "c"}\n', /line 2: found "\{\\"query\\": \\"c\\"\}"; allowed: /],
	["", /found no labels/],
	['{"queries": []}', /found no labels/],
	["no json\n", /line 1: found "no json"/],
])("labelled queries that are none are refused by file and line: %j", (content, message) => {
	expect(() => specOf("--eval", file("bad.jsonl", content))).toThrow(message);
});

test("a file that is not there, and a corpus without queries, are named", () => {
	expect(() => specOf("--eval", "/nowhere.jsonl")).toThrow("found no file /nowhere.jsonl");
	expect(() => specOf("--corpus", "c.txt")).toThrow("--corpus: found no --eval beside it");
});
