/** What `npm pack` makes, as someone has it who installed it: the client by its name, its types, and dak. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
let project: string;
let installed: string;

/** Every package of this checkout but the project's own, which the tarball brings: the install itself needs a registry. */
function linkDependencies(target: string): void {
	const from = join(root, "node_modules");
	const names = readdirSync(from).flatMap((name) =>
		name.startsWith("@") ? readdirSync(join(from, name)).map((inner) => `${name}/${inner}`) : [name],
	);
	for (const name of names) {
		if (name.startsWith(".") || name.startsWith("@dak/")) continue;
		mkdirSync(dirname(join(target, name)), { recursive: true });
		symlinkSync(join(from, name), join(target, name));
	}
}

const run = (command: string, ...args: string[]): string =>
	execFileSync(command, args, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

beforeAll(() => {
	project = mkdtempSync(join(tmpdir(), "dak-package-"));
	installed = join(project, "node_modules", "domain-adapter-kit");
	mkdirSync(installed, { recursive: true });
	const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", project], {
		cwd: root,
		encoding: "utf8",
		stdio: ["ignore", "pipe", "ignore"],
	});
	const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
	run("tar", "xzf", filename, "--strip-components=1", "-C", installed);
	linkDependencies(join(project, "node_modules"));
	writeFileSync(join(project, "package.json"), '{"type": "module"}');
});
afterAll(() => rmSync(project, { recursive: true }));

test("it holds what was built, and no sources, tests or state", () => {
	expect(existsSync(join(installed, "node_modules/@dak/shared/dist/client/index.js"))).toBe(true);
	expect(existsSync(join(installed, "node_modules/@dak/cli/demo/corpus/texts.txt"))).toBe(true);
	// What others put into their packages is theirs.
	const foreign = /^node_modules\/(?!@dak\/)|\/node_modules\//;
	const files = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) => !foreign.test(file));
	expect(files.filter((file) => /(?<!\.d)\.ts$|\.tsbuildinfo$|\.test\.|\.dak|^tests/.test(file))).toEqual([]);
});

test("the client is imported by its name, and its types hold", () => {
	const program = `import { DakApiError, DakClient, type JobEventJson } from "domain-adapter-kit/client";
const dak = new DakClient({ trainUrl: "http://127.0.0.1:9", retry: { retries: 0 } });
export const step = (event: JobEventJson): number | undefined => (event.type === "progress" ? event.step : undefined);
const spec = { base_model: "m", dataset: { texts: ["a"] }, lora: { r: 8 }, training: { max_steps: 5 } };
// @ts-expect-error a field that no job has
dak.jobs.create({ ...spec, lora: { rank: 8 } }).catch(() => {});
const failed: unknown = await dak.jobs.create(spec).catch((error: unknown) => error);
if (!(failed instanceof DakApiError)) throw failed;
console.log(failed.reason, failed.status);
dak.close();
`;
	writeFileSync(join(project, "program.ts"), program);
	const strict = ["--strict", "--module", "nodenext", "--target", "es2023", "--types", "node", "--skipLibCheck"];
	run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), ...strict, "program.ts");
	expect(run(process.execPath, "program.js")).toBe("UNREACHABLE 0\n");
});

test("dak runs from it", () => {
	const dak = (...args: string[]) => run(process.execPath, join(installed, "scripts/dak.mjs"), ...args);
	expect(dak("--help")).toContain("train [options] <file>");
	expect(JSON.parse(dak("config"))).toMatchObject({ DAK_TRAIN_PORT: 8080 });
});
