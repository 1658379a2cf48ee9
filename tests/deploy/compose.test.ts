/** The files of deploy/ agree with each other and with the configuration that the services read. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { configSchema, loadConfig } from "@dak/shared/config";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const composeSchema = z.object({
	services: z.record(
		z.string(),
		z.object({
			image: z.string().optional(),
			build: z.object({ context: z.string(), dockerfile: z.string(), target: z.string() }).optional(),
			environment: z.record(z.string(), z.string()).default({}),
			ports: z.array(z.string()).default([]),
			volumes: z.array(z.string()).default([]),
			depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).default([]),
			read_only: z.boolean().optional(),
		}),
	),
	volumes: z.record(z.string(), z.unknown()),
});
const compose = composeSchema.parse(parse(read("docker-compose.yml"), { merge: true }));
const services = Object.entries(compose.services);

const prometheus = z
	.object({
		rule_files: z.array(z.string()),
		scrape_configs: z.array(
			z.object({
				job_name: z.string(),
				dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.number() })).default([]),
			}),
		),
	})
	.parse(parse(read("deploy/prometheus/prometheus.yml")));

const dockerfile = read("deploy/Dockerfile");
const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, from, name]) => ({ from: from!, name: name! }));

/** A stage's own lines. */
function linesOf(stage: string): string[] {
	const start = dockerfile.indexOf(` AS ${stage}\n`);
	const rest = dockerfile.slice(start + stage.length + 5);
	const end = rest.search(/^FROM /m);
	return (end < 0 ? rest : rest.slice(0, end)).split("\n");
}

/** Container ports that a stage and those it is built on expose. */
const exposed = (stage: string): number[] =>
	linesOf(stage).flatMap((line) => (/^EXPOSE (.+)$/.exec(line)?.[1] ?? "").split(" ").filter(Boolean).map(Number));

describe("docker-compose.yml", () => {
	it("has both services, Redis, Prometheus and Grafana", () => {
		expect(Object.keys(compose.services)).toEqual(
			expect.arrayContaining(["train-service", "embed-service", "redis", "prometheus", "grafana"]),
		);
	});

	it.each(services)("%s has a pinned image, or a target that the Dockerfile has", (_, { image, build }) => {
		if (build) {
			expect(existsSync(join(ROOT, build.dockerfile))).toBe(true);
			expect(stages.map(({ name }) => name)).toContain(build.target);
		} else expect(image).toMatch(/:[\w.-]*\d/);
	});

	it.each(services)("%s mounts declared volumes and folders that exist", (_, { volumes }) => {
		for (const volume of volumes) {
			const [source] = volume.split(":");
			if (source!.startsWith(".")) expect(statSync(join(ROOT, source!)).isDirectory()).toBe(true);
			else expect(compose.volumes).toHaveProperty(source!);
		}
	});

	it.each(services)("%s depends on services that are there", (_, { depends_on }) => {
		for (const name of Array.isArray(depends_on) ? depends_on : Object.keys(depends_on)) expect(compose.services).toHaveProperty(name);
	});

	it("opens every port on this machine only, and none twice", () => {
		const ports = services.flatMap(([, { ports }]) => ports);
		for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
		expect(new Set(ports).size).toBe(ports.length);
	});

	it.each(["train-service", "embed-service"])("%s is given a configuration that it accepts", (name) => {
		const { environment, volumes, ports, read_only } = compose.services[name]!;
		// Compose fills in `${NAME:-fallback}`; nothing is set here.
		const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, value.replace(/^\$\{\w+:-(.*)\}$/, "$1")]));
		expect(Object.keys(configSchema.shape)).toEqual(expect.arrayContaining(Object.keys(env)));
		expect(() => loadConfig(env)).not.toThrow();
		expect(ports.map((port) => Number(port.split(":")[2]))).toEqual(exposed(name));
		expect(read_only).toBe(true);
		expect(volumes.length).toBeGreaterThan(0);
	});

	it("gives the services the same models and artifacts", () => {
		const mounts = (name: string) => compose.services[name]!.volumes.map((volume) => volume.split(":").slice(0, 2).join(":"));
		for (const shared of ["models:/var/lib/dak/models", "artifacts:/var/lib/dak/artifacts"]) {
			expect(mounts("train-service")).toContain(shared);
			expect(mounts("embed-service")).toContain(shared);
		}
	});
});

describe("deploy/Dockerfile", () => {
	it.each(["train-service", "embed-service"])(
		"%s starts a program that the build makes, as an ordinary user, with a health check",
		(name) => {
			const lines = linesOf(name);
			const program = /"(services\/[^"]+\.js)"/.exec(lines.find((line) => line.startsWith("CMD")) ?? "")?.[1];
			expect(existsSync(join(ROOT, program!.replace("/dist/", "/").replace(/\.js$/, ".ts")))).toBe(true);
			expect(lines.join("\n")).toMatch(/HEALTHCHECK [\s\S]*\/readyz/);
			expect(stages.find((stage) => stage.name === name)?.from).toBe("runtime");
			expect(
				linesOf("runtime")
					.filter((line) => line.startsWith("USER "))
					.at(-1),
			).toBe("USER node");
		},
	);

	it("ends no image as root", () => {
		for (const { name } of stages) {
			const users = linesOf(name).filter((line) => line.startsWith("USER "));
			if (users.length > 0) expect(users.at(-1), name).toBe("USER node");
		}
	});

	it("copies only what is there and what .dockerignore lets through", () => {
		const allowed = new Set(
			read(".dockerignore")
				.split("\n")
				.filter((line) => line.startsWith("!"))
				.map((line) => line.slice(1)),
		);
		const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, paths]) => paths!.split(" ").slice(0, -1));
		for (const source of sources) {
			expect(existsSync(join(ROOT, source)), source).toBe(true);
			expect(allowed.has(source) || allowed.has(source.split("/")[0]!), source).toBe(true);
		}
	});

	it("copies every workspace's package.json before it installs", () => {
		const { workspaces } = JSON.parse(read("package.json")) as { workspaces: string[] };
		for (const workspace of workspaces) expect(dockerfile).toContain(`COPY ${workspace}/package.json ${workspace}/`);
	});

	it("names only variables that the services know", () => {
		const names = [...dockerfile.matchAll(/\b(DAK_\w+)/g)].map(([, name]) => name!);
		for (const name of names) expect(Object.keys(configSchema.shape)).toContain(name);
	});
});

describe("deploy/prometheus", () => {
	it("scrapes both services where compose runs them", () => {
		const targets = prometheus.scrape_configs.flatMap(({ job_name, dns_sd_configs }) =>
			dns_sd_configs.flatMap(({ names, port }) => names.map((name) => ({ job_name, name, port }))),
		);
		expect(targets.map(({ name }) => name).sort()).toEqual(["embed-service", "train-service"]);
		for (const { job_name, name, port } of targets) {
			expect(job_name).toBe(name);
			expect(exposed(name)).toContain(port);
		}
	});

	it("has the rule files that it names", () => {
		for (const file of prometheus.rule_files) expect(existsSync(join(ROOT, "deploy/prometheus", file))).toBe(true);
	});
});

describe("deploy/grafana", () => {
	const mountOf = (source: string) =>
		compose.services.grafana!.volumes.map((volume) => volume.split(":")).find(([from]) => from === source)?.[1];

	it("looks for the dashboards where compose puts them", () => {
		const { providers } = parse(read("deploy/grafana/provisioning/dashboards/dashboards.yml"));
		expect(providers[0].options.path).toBe(mountOf("./deploy/grafana/dashboards"));
		expect(mountOf("./deploy/grafana/provisioning")).toBe("/etc/grafana/provisioning");
	});

	it("opens on a dashboard that is there", () => {
		const home = compose.services.grafana!.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!;
		const file = home.replace(mountOf("./deploy/grafana/dashboards")!, join(ROOT, "deploy/grafana/dashboards"));
		expect(existsSync(file)).toBe(true);
	});

	it("asks the Prometheus that compose runs", () => {
		const { datasources } = parse(read("deploy/grafana/provisioning/datasources/prometheus.yml"));
		const { hostname, port } = new URL(datasources[0].url);
		const mapped = compose.services[hostname]!.ports.map((each) => each.split(":")[2]);
		expect(mapped).toContain(port);
	});
});
