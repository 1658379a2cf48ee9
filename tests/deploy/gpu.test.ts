/** deploy/compose.gpu.yaml puts the same services on a GPU, from stages that the Dockerfile has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
const services = (path: string) =>
	parse(read(path), { merge: true }).services as Record<string, { build?: { target: string; dockerfile: string }; deploy?: unknown }>;

const dockerfile = read("deploy/Dockerfile");
const plain = services("docker-compose.yml");
const gpu = Object.entries(services("deploy/compose.gpu.yaml"));

/** What a stage exposes and starts. */
function interfaceOf(stage: string): string[] {
	const start = dockerfile.indexOf(` AS ${stage}\n`);
	expect(start, `stage ${stage}`).toBeGreaterThan(-1);
	const body = dockerfile.slice(start).split(/^FROM /m)[0]!;
	return body.split("\n").filter((line) => /^(EXPOSE|CMD|COPY --from=build)/.test(line));
}

test.each(gpu)("%s is what it is without a GPU, on one", (name, { build, deploy }) => {
	expect(build!.dockerfile).toBe(plain[name]!.build!.dockerfile);
	expect(build!.target).toBe(`${plain[name]!.build!.target}-cuda`);
	expect(interfaceOf(build!.target)).toEqual(interfaceOf(plain[name]!.build!.target));
	expect(deploy).toMatchObject({ resources: { reservations: { devices: [{ driver: "nvidia" }] } } });
});
