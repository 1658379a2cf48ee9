/** What the pages tell people to type: `dak` command lines are parsed by the program, jobs by the schema. Nothing is run. */
import { jobSettingsSchema } from "@dak/train-service/jobs";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { Cli } from "../../services/cli/command/index.js";
import { jobSpec, type SpecOptions } from "../../services/cli/jobs/spec.js";
import { createProgram } from "../../services/cli/program.js";
import { type Page, pages, prose } from "./pages.js";

const quiet = { write: () => true };
const program = (): Command => createProgram(new Cli({ out: quiet, err: quiet, env: {} }));
const leaves = (command: Command): Command[] => (command.commands.length > 0 ? command.commands.flatMap(leaves) : [command]);

const COMMAND = /^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npm run (?:-s )?dak -- |(?:npx )?dak )(.+)$/gm;

/** Words as a shell would part them, up to where another command, a redirection or a comment begins. */
function words(line: string): string[] {
	const parts = [...line.matchAll(/(?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'])+/g)].map(([part]) => part);
	const end = parts.findIndex((part) => /^(?:&&|\|\|?|;|>>?|2>.*|#.*|&)$/.test(part));
	return parts.slice(0, end < 0 ? undefined : end).map((part) => part.replace(/"((?:\\.|[^"])*)"|'([^']*)'/g, (_, a, b) => a ?? b));
}

/** Of fenced blocks and of indented ones. */
function commandLines(page: Page): string[] {
	const indented = [...prose(page).matchAll(/^ {4,}\S.*$/gm)].map(([line]) => line);
	const texts = [...page.blocks.map(({ text }) => text), ...indented];
	return texts.flatMap((text) => [...text.replaceAll("\\\n", " ").matchAll(COMMAND)].map(([, rest]) => rest!));
}

/** Parses a command line; a job that it would submit is checked as the service would. */
async function parse(args: readonly string[]): Promise<void> {
	const root = program();
	for (const leaf of leaves(root))
		leaf.action(() => {
			const { eval: _, corpus: __, ...options } = leaf.opts<SpecOptions>();
			if (["train", "estimate"].includes(leaf.name())) jobSettingsSchema.parse(jobSpec(options, { upload: "ds" }));
		});
	await root.parseAsync([...args], { from: "user" });
}

const lines = pages.flatMap((page) => commandLines(page).map((line) => [page.path, line] as const));

test.each(lines)("%s: dak %s", async (_, line) => {
	await expect(parse(words(line))).resolves.toBeUndefined();
});

test("a command line that is wrong is found", async () => {
	expect(lines.length).toBeGreaterThan(10);
	await expect(parse(words("train titles.txt --bases all-MiniLM-L6-v2"))).rejects.toThrow();
	await expect(parse(words("train titles.txt -b m --set training.epoch=2"))).rejects.toThrow();
	expect(words(`embed "one text" 'b' > out # why`)).toEqual(["embed", "one text", "b"]);
});

test.each(pages.map((page) => [page.path, page] as const))("%s: `dak …` in its lines names commands that are there", (_, page) => {
	const named = [...prose(page).matchAll(/`dak ([a-z]+)(?: ([a-z]+))?[^`]*`/g)];
	for (const [text, first, second] of named) {
		const command = program().commands.find((each) => each.name() === first);
		expect(command, text).toBeDefined();
		if (command!.commands.length > 0 && second !== undefined)
			expect(
				command!.commands.map((each) => each.name()),
				text,
			).toContain(second);
	}
});

/** Jobs as JSON blocks and as the body of a curl; what the shell would put in is left as it is. */
function jobs({ blocks }: Page): string[] {
	const bodies = blocks.flatMap(({ language, text }) => {
		if (language === "json") return [text];
		const quoted = [...text.matchAll(/-d "((?:\\.|[^"])*)"/g)].map(([, body]) => body!.replaceAll('\\"', '"'));
		return [...quoted, ...[...text.matchAll(/-d '([^']*)'/g)].map(([, body]) => body!)];
	});
	return bodies.filter((body) => body.includes('"base_model"'));
}

test.each(pages.flatMap((page) => jobs(page).map((job) => [page.path, job] as const)))("%s has a job that is taken: %s", (_, job) => {
	expect(jobSettingsSchema.safeParse(JSON.parse(job)).error?.issues).toBeUndefined();
});
