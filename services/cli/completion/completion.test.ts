import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { dak } from "../testing/run.js";

/** What a real bash offers for a line with the cursor at its end. */
async function offered(line: string): Promise<string[]> {
	const script = (await dak(["completion", "bash"])).out;
	const words = line.split(" ");
	const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _dak; printf '%s\\n' "\${COMPREPLY[@]}"`;
	const { stdout, stderr, status } = spawnSync("bash", ["--norc"], { input: `${script}\n${ask}\n`, encoding: "utf8" });
	expect([stderr, status]).toEqual(["", 0]);
	return stdout.split("\n").filter((word) => word !== "");
}

test("bash completes commands, the commands below them, options and their values", async () => {
	expect(await offered("dak jo")).toEqual(["jobs"]);
	expect(await offered("dak jobs ")).toEqual(expect.arrayContaining(["list", "watch", "cancel", "logs"]));
	expect(await offered("dak adapters un")).toEqual(["unload"]);
	expect(await offered("dak jobs watch --fr")).toEqual(["--from"]);
	expect(await offered("dak train titles.txt --ba")).toEqual(["--base"]);
	expect(await offered("dak adapters export titles --format o")).toEqual(["onnx"]);
	// Files are left to bash.
	expect(await offered("dak train titl")).toEqual([]);
});

const zsh = spawnSync("zsh", ["--version"]).status === 0;

test.skipIf(!zsh)("zsh reads its script and completes commands", async () => {
	const script = (await dak(["completion", "zsh"])).out;
	// compadd, as zsh's own completion calls it, tells what it would show.
	const ask = `
autoload -Uz compinit && compinit -D -u
${script}
[ "$_comps[dak]" = _dak ] || exit 3
compadd() { print -rl -- "$@"; }
_describe() { print -rl -- "\${(@P)4}"; }
_files() { :; }
words=(dak jobs ""); CURRENT=3; PREFIX=""
_dak`;
	const { stdout, stderr, status } = spawnSync("zsh", ["-f"], { input: ask, encoding: "utf8" });
	expect([stderr, status]).toEqual(["", 0]);
	expect(stdout).toMatch(/^watch:a job's progress/m);
	expect(stdout).not.toMatch(/^train:/m);
});
