/** `dak` against both real services: train-service with a training process that pretends, embed-service with the real model. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobEventJson, JobJson } from "@dak/shared/client";
import { openBaseModel, resolveModel } from "@dak/shared/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dak, type Ran } from "../../services/cli/testing/run.js";
import { launchService, TEXTS, type TestService } from "../../services/train-service/testing/index.js";
import { writeTinyModel } from "../../shared/models/testing/tiny-model.js";
import { type EmbedTestService, launchEmbedService, publishTestAdapter, writeTestAdapter } from "../contract/embed-service.setup.js";

let train: TestService;
let embed: EmbedTestService;
let folder: string;
let titles: string;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "dak-cli-"));
	titles = join(folder, "titles.txt");
	writeFileSync(titles, TEXTS.join("\n"));
	const base = await openBaseModel(await resolveModel("all-MiniLM-L6-v2", { modelsDir: process.env.DAK_TEST_MODELS }));
	[train, embed] = await Promise.all([launchService(join(folder, "train")), launchEmbedService()]);
	for (const name of ["parts", "hats"]) publishTestAdapter(embed, name, base, { seed: name });
	writeTestAdapter(join(folder, "wide"), base, { seed: "parts", r: 8 });
	base.weights.close();
});
afterAll(async () => {
	await Promise.all([train.stop(), embed.stop()]);
	rmSync(folder, { recursive: true });
});

const toTrain = (...args: string[]): Promise<Ran> => dak([...args, "--train", train.url]);
const watching = (...args: string[]): Promise<Ran> => toTrain(...args, "--grpc", train.grpcAddress);
const submit = (...args: string[]): Promise<Ran> =>
	toTrain("train", titles, "--base", "all-MiniLM-L6-v2", "--grpc", train.grpcAddress, ...args);
const toEmbed = (...args: string[]): Promise<Ran> => dak([...args, "--embed", embed.url]);

describe("jobs", () => {
	test("a file is trained on and watched; what is piped has no escapes, and the exit code is 0", async () => {
		const { code, out, err } = await submit("-n", "titles", "--steps", "5", "--watch");
		expect(err).toBe("");
		expect(code).toBe(0);
		expect(out).toMatch(/^job_\w+ {2}4 texts, adapter titles\n/);
		expect(out).toMatch(/█+░+ 1\/5 {2}loss 4\.000/);
		expect(out).toMatch(/succeeded, verdict unverified\n {2}made up\n {2}adapter {3}titles/);
		expect(out).not.toContain("\u001b");
	});

	test("--json prints the job, every event, and the job as it ended", async () => {
		const ran = await submit("--steps", "3", "--watch", "--json", "--set", "training.batch_size=2");
		const lines = ran.json<JobJson | JobEventJson>();
		expect(lines[0]).toMatchObject({ spec: { training: { max_steps: 3, batch_size: 2 } } });
		const events = lines.slice(1, -1) as JobEventJson[];
		expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
		expect(lines.at(-1)).toMatchObject({ state: "succeeded" });
		expect(ran.code).toBe(0);
	});

	test("a job that fails ends with 1 and its reason, one that is cancelled with 3", async () => {
		const failed = await submit("-n", "failed-one", "--steps", "2", "--watch");
		expect([failed.code, failed.err]).toEqual([1, expect.stringMatching(/^job_\w+ failed: step 2: loss NaN\n$/)]);
		const [job] = (await submit("--steps", "10000", "--json")).json<JobJson>();
		const watch = watching("jobs", "watch", job!.id);
		await train.until(job!.id, "training");
		expect((await toTrain("jobs", "cancel", job!.id)).out).toContain("being cancelled");
		expect((await watch).code).toBe(3);
		expect((await toTrain("jobs", "cancel", job!.id)).err).toMatch(/^dak: job job_\w+ has ended: cancelled/);
	});

	test("jobs are listed, shown and read back from their logs", async () => {
		const [job] = (await submit("-n", "shown", "--steps", "2", "--watch", "--json")).json<JobJson>();
		expect((await toTrain("jobs", "list", "--state", "succeeded", "-n", "1")).out.split("\n")[1]).toMatch(
			new RegExp(`^${job!.id} +succeeded +2/2 +shown`),
		);
		expect((await toTrain("jobs", "list", "--json", "-n", "1")).json<JobJson[]>()[0]).toMatchObject([{ id: job!.id }]);
		expect((await toTrain("jobs", "show", job!.id)).out).toMatch(/state {6}succeeded\n/);
		const logs = await watching("jobs", "logs", job!.id);
		expect(logs.out).toMatch(/info {2}queued\n.*state queued → preparing/);
		expect(JSON.parse((await toTrain("jobs", "report", job!.id, "--json")).out)).toMatchObject({ verdict: "unverified" });
		expect((await toTrain("jobs", "report", job!.id)).out).toMatch(/^verdict unverified\n {2}made up\n/);
	});

	test("logs of a running job come without waiting for its end", async () => {
		const [job] = (await submit("--steps", "10000", "--json")).json<JobJson>();
		await train.until(job!.id, "training");
		const logs = await watching("jobs", "logs", job!.id);
		expect(logs.out).toContain("preparing → training");
		await toTrain("jobs", "cancel", job!.id);
	});

	test("an adapter's files are fetched whole, into a folder that was not there", async () => {
		await submit("-n", "kept", "--steps", "1", "--watch");
		const out = join(folder, "kept");
		const services = ["--train", train.url, "--embed", embed.url];
		expect((await dak(["adapters", "export", "kept", "-o", out, ...services])).out).toContain("files");
		expect(readFileSync(join(out, "1_Pooling", "config.json"), "utf8")).toBe("{}");
		const again = await dak(["adapters", "export", "kept", "-o", out, ...services]);
		expect([again.code, again.err]).toEqual([1, expect.stringContaining("there already")]);
		const merged = await dak(["adapters", "merge", "kept", "-o", join(folder, "merged"), ...services]);
		expect([merged.code, merged.err]).toEqual([1, expect.stringContaining("--set output.merged_model=true")]);
		expect(existsSync(join(folder, "merged"))).toBe(false);
	});

	test("a job's other outputs are fetched by themselves, and stay out of the adapter's folder", async () => {
		await submit("-n", "all", "--steps", "1", "--watch", "--set", "output.merged_model=true", "--set", "output.onnx=true");
		const services = ["--train", train.url, "--embed", embed.url];
		const [adapter, merged, onnx] = ["all", "all-merged", "all-onnx"].map((name) => join(folder, name)) as [string, string, string];
		await dak(["adapters", "export", "all", "-o", adapter, ...services]);
		expect((await dak(["adapters", "merge", "all", "-o", merged, ...services])).out).toContain("1 files");
		expect((await dak(["adapters", "export", "all", "--format", "onnx", "-o", onnx, ...services])).code).toBe(0);
		expect(readFileSync(join(merged, "modules.json"), "utf8")).toBe("made up");
		expect(readFileSync(join(onnx, "onnx", "model.onnx"), "utf8")).toBe("made up");
		expect(existsSync(join(adapter, "merged_model")) || existsSync(join(adapter, "onnx"))).toBe(false);
	});

	test.each([
		[["train", "/nowhere.txt", "-b", "m"], "found no file /nowhere.txt"],
		[["train", "TITLES", "-b", "all-MiniLM-L6-v2", "--rank", "0"], "/lora/r"],
		[["train", "TITLES", "-b", "../../etc"], "MODEL|model"],
		[["train", "TITLES", "-b", "all-MiniLM-L6-v2", "--text-column", "title"], "text_column"],
		[["jobs", "show", "job_1"], 'job "job_1" does not exist'],
	])("a refusal is told in the service's words: %j", async (args, message) => {
		const { code, out, err } = await toTrain(...args.map((arg) => (arg === "TITLES" ? titles : arg)));
		expect([code, out]).toEqual([1, ""]);
		expect(err).toMatch(new RegExp(`^dak: .*${message}`));
		expect(err).not.toContain("    at ");
	});
});

describe("texts and adapters", () => {
	test("vectors are one line each, through an adapter too; a file's blank lines have none", async () => {
		const base = (await toEmbed("embed", "red hat")).json<number[]>();
		expect(base[0]).toHaveLength(384);
		const adapted = (await toEmbed("embed", "red hat", "-a", "parts")).json<number[]>();
		expect(adapted[0]).not.toEqual(base[0]);
		const file = join(folder, "texts.txt");
		writeFileSync(file, `${Array.from({ length: 150 }, (_, i) => `hat ${i}`).join("\n")}\n\n  \nred hat\n`);
		const lines = (await toEmbed("embed", "-f", file, "--json")).json<{ text: string; vector: number[] }>();
		expect(lines.map(({ text }) => text)).toEqual([...Array.from({ length: 150 }, (_, i) => `hat ${i}`), "red hat"]);
		expect(lines.at(-1)!.vector[0]).toBeCloseTo(base[0]![0]!, 4);
	});

	test("similarities come the most alike first, as JSON in the order given", async () => {
		const { out } = await toEmbed("similarity", "a red hat", "the weather in May", "a red hat");
		expect(out.split("\n")[0]).toMatch(/^1\.0000 {2}█{12} {2}a red hat$/);
		const [rows] = (await toEmbed("similarity", "a red hat", "the weather in May", "a red hat", "--json")).json<{ text: string }[]>();
		expect(rows!.map(({ text }) => text)).toEqual(["the weather in May", "a red hat"]);
	});

	test("adapters are listed, unloaded and loaded again as another generation", async () => {
		const names = async () => (await toEmbed("adapters", "list", "--json")).json<{ name: string }[]>()[0]!.map(({ name }) => name);
		expect(await names()).toEqual(["hats", "parts"]);
		expect((await toEmbed("adapters", "unload", "hats")).out).toBe("hats is no longer served\n");
		expect(await names()).toEqual(["parts"]);
		expect((await toEmbed("adapters", "load", "hats")).out).toMatch(/^hats@2 {2}r 4/);
		const missing = await toEmbed("embed", "a", "-a", "nobody");
		expect([missing.code, missing.out]).toEqual([1, ""]);
		expect(missing.err).toContain("dak adapters list shows what is served.");
	});

	test("two models are compared over labelled queries, with an interval", async () => {
		const pairs = join(folder, "pairs.jsonl");
		writeFileSync(pairs, TEXTS.map((text) => JSON.stringify({ query: text.split(" ").slice(1).join(" "), relevant: [text] })).join("\n"));
		const run = (...more: string[]) => toEmbed("eval", pairs, "-a", "parts", "--corpus", titles, ...more);
		const [result] = (await run("--json")).json();
		expect(result).toMatchObject({
			queries: 4,
			texts: 4,
			a: { model: "base", served_as: "base" },
			b: { served_as: expect.stringMatching(/^parts@\d$/) },
		});
		expect((await run("--against", "parts")).out).toMatch(
			/MRR@10 \+0\.000 \[\+0\.000, \+0\.000\] \(95 %, paired bootstrap\): unverified, 4 are too few/,
		);
		// The same labels thrice are enough in number; each kind of labels is a table of its own.
		const kinds = join(folder, "kinds.jsonl");
		const many = [0, 1, 2].flatMap(() => TEXTS.map((text) => ({ query: text, relevant: [text] })));
		const graded = TEXTS.map((text, score) => ({ sentence1: text, sentence2: TEXTS[0], score }));
		const sorted = TEXTS.map((text, i) => ({ text, category: `c${i % 2}` }));
		writeFileSync(kinds, [...many, ...graded, ...sorted].map((line) => JSON.stringify(line)).join("\n"));
		const { out } = await toEmbed("eval", kinds, "-a", "parts", "--against", "parts");
		expect(out).toMatch(/MRR@10 \+0\.000 \[\+0\.000, \+0\.000\] \(95 %, paired bootstrap\): no change/);
		expect(out).toMatch(/4 texts, each searched.*MAP@10 .*unverified, 4 are too few.*4 graded pairs\n.*\nSpearman /s);
	});

	test("pairs to grade are proposed from a file's texts, those graded already left out; a pair without a grade is refused by eval", async () => {
		const out = join(folder, "labels.jsonl");
		const propose = () => toEmbed("label", titles, "--out", out, "--adapter", "parts", "--json");
		const pairs = (await propose()).json<{ sentence1: string; sentence2: string; score: null }>();
		expect(pairs).toHaveLength(6);
		for (const { sentence1, sentence2, score } of pairs) {
			expect(TEXTS).toEqual(expect.arrayContaining([sentence1, sentence2]));
			expect(score).toBeNull();
		}
		const [first, ...rest] = pairs;
		writeFileSync(out, `${JSON.stringify({ sentence1: first!.sentence2, sentence2: first!.sentence1, score: 4 })}\n`);
		expect((await propose()).json()).toEqual(rest);
		const asked = await toEmbed("label", titles, "--out", out);
		expect([asked.code, asked.err]).toEqual([1, expect.stringContaining("found no terminal to ask in; allowed: --json")]);
		writeFileSync(out, pairs.map((pair) => JSON.stringify(pair)).join("\n"));
		expect((await toEmbed("eval", out, "-a", "parts")).err).toMatch(/score/);
		const other = await toEmbed("label", titles, "--out", titles, "--json");
		expect(other.err).toMatch(/line 1: found no graded pair; allowed/);
	});

	test("folders are inspected and compared without any service", async () => {
		const wide = join(folder, "wide");
		const [inspected] = (await dak(["adapters", "inspect", wide, "--json"])).json();
		expect(inspected).toMatchObject({
			r: 8,
			alpha: 16,
			scale: 2,
			target_modules: ["query", "value"],
			manifest: { base_model: "all-MiniLM-L6-v2" },
		});
		expect((inspected!.layers as { norm: number }[]).every(({ norm }) => norm > 0)).toBe(true);
		expect((await dak(["adapters", "compare", wide, wide])).out).toContain("cosine of all 12 common layers together: 1.000");
		// A name is looked for in this machine's artifact store.
		const stored = await dak(["adapters", "compare", "parts", "hats", "--json"], { DAK_ARTIFACTS: embed.root });
		expect(stored.json()[0]).toMatchObject({ same_base: true, only_a: [], cosine: expect.closeTo(0, 1) });
		const none = await dak(["adapters", "inspect", folder]);
		expect([none.code, none.err]).toEqual([1, expect.stringContaining("found no adapter_config.json")]);
	});

	test("a base model is checked, and what is none is refused with what is wrong", async () => {
		const env = { DAK_MODELS_DIR: process.env.DAK_TEST_MODELS };
		const [checked] = (await dak(["models", "check", "all-MiniLM-L6-v2", "--json"], env)).json();
		expect(checked).toMatchObject({ architecture: "bert", hidden_size: 384, adaptable_layers: 36, pooling: "mean" });
		expect((await dak(["models", "list", "--json"], env)).json()[0]).toContain("all-MiniLM-L6-v2");
		const tiny = writeTinyModel(join(folder, "tiny"), { config: { model_type: "gpt2" } });
		expect(await dak(["models", "check", tiny])).toMatchObject({ code: 1, err: expect.stringContaining("gpt2") });
	});
});
