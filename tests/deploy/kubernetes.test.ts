/** deploy/kubernetes agrees with the images, the configuration and the metrics. tests/interop/check_kubernetes.sh validates it against Kubernetes' schemas. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { configSchema, loadConfig } from "@dak/shared/config";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { embedSeries, trainSeries } from "./exposed.js";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "deploy/kubernetes");
const dockerfile = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const containerSchema = z.object({
	image: z.string(),
	env: z.array(z.object({ name: z.string(), value: z.string() })),
	ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
	startupProbe: probe,
	readinessProbe: probe,
	livenessProbe: probe,
	securityContext: z.object({
		allowPrivilegeEscalation: z.literal(false),
		readOnlyRootFilesystem: z.literal(true),
		capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
	}),
	volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
});
const workloadSchema = z.object({
	spec: z.object({
		replicas: z.number().optional(),
		volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).default([]),
		template: z.object({
			metadata: z.object({ labels: z.record(z.string(), z.string()) }),
			spec: z.object({
				automountServiceAccountToken: z.literal(false),
				securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.literal(1000) }),
				containers: z.tuple([containerSchema]),
				volumes: z.array(z.object({ name: z.string() })),
			}),
		}),
	}),
});

interface Resource {
	readonly kind: string;
	readonly metadata: { readonly name: string };
	readonly [key: string]: unknown;
}

const resourcesIn = (folder: string): Resource[] =>
	readdirSync(join(FOLDER, folder))
		.filter((name) => name !== "kustomization.yaml")
		.flatMap((name) => parseAllDocuments(readFileSync(join(FOLDER, folder, name), "utf8")).map((document) => document.toJS() as Resource));
const base = resourcesIn("base");
const find = (kind: string, name: string, resources = base) => resources.find((each) => each.kind === kind && each.metadata.name === name);

describe.each([
	["train-service", "StatefulSet"],
	["embed-service", "Deployment"],
])("%s", (name, kind) => {
	const { spec } = workloadSchema.parse(find(kind, name));
	const [container] = spec.template.spec.containers;

	it("has the ports of its image, by which its service and its probes find it", () => {
		const exposed = new RegExp(` AS ${name}\\n[\\s\\S]*?EXPOSE (\\d+) (\\d+)`).exec(dockerfile)!.slice(1).map(Number);
		expect(container.ports.map(({ containerPort }) => containerPort)).toEqual(exposed);
		const ports = (find("Service", name)!.spec as { ports: { port: number; targetPort: string }[] }).ports;
		expect(ports.map(({ port }) => port)).toEqual(exposed);
		const names = container.ports.map((port) => port.name);
		for (const each of [container.startupProbe, container.readinessProbe, container.livenessProbe])
			expect(names).toContain(each.httpGet.port);
		expect(container.readinessProbe.httpGet.path).toBe("/readyz");
		expect(container.livenessProbe.httpGet.path).toBe("/healthz");
	});

	it("is given a configuration that it accepts", () => {
		const env = Object.fromEntries(container.env.map((each) => [each.name, each.value]));
		expect(Object.keys(configSchema.shape)).toEqual(expect.arrayContaining(Object.keys(env)));
		expect(() => loadConfig(env)).not.toThrow();
	});

	it("mounts volumes that it has, over every folder that its image writes to", () => {
		const volumes = [
			...spec.template.spec.volumes.map((volume) => volume.name),
			...spec.volumeClaimTemplates.map(({ metadata }) => metadata.name),
		];
		for (const mount of container.volumeMounts) expect(volumes).toContain(mount.name);
		const written = ["/var/lib/dak/state", "/var/lib/dak/models", "/var/lib/dak/artifacts", "/tmp"];
		expect(container.volumeMounts.map(({ mountPath }) => mountPath).sort()).toEqual(written.sort());
	});
});

describe("what keeps the services up", () => {
	const redis = resourcesIn("redis");

	it("scales by metrics that the services expose, and the adapter serves them", () => {
		const adapter = readFileSync(join(FOLDER, "prometheus-adapter.yaml"), "utf8");
		expect(JSON.stringify(find("HorizontalPodAutoscaler", "embed-service"))).toContain('"dak_embed_queue_tokens"');
		expect(embedSeries().has("dak_embed_queue_tokens")).toBe(true);
		expect(JSON.stringify(find("HorizontalPodAutoscaler", "train-service", redis))).toContain('"dak_train_queue_depth"');
		expect(trainSeries().has("dak_train_queue_depth")).toBe(true);
		for (const metric of ["dak_embed_queue_tokens", "dak_train_queue_depth"]) expect(adapter).toContain(metric);
	});

	it("leaves one replica of embed-service to serve, and has two to begin with", () => {
		const { spec } = find("PodDisruptionBudget", "embed-service") as {
			spec?: { minAvailable?: number; selector?: { matchLabels: object } };
		};
		expect(spec?.minAvailable).toBe(1);
		const { labels } = workloadSchema.parse(find("Deployment", "embed-service")).spec.template.metadata;
		expect(labels).toMatchObject(spec!.selector!.matchLabels);
		expect((find("HorizontalPodAutoscaler", "embed-service")!.spec as { minReplicas: number }).minReplicas).toBeGreaterThan(1);
	});

	it("runs one train-service where the job store is one file, and more only with Redis", () => {
		expect(workloadSchema.parse(find("StatefulSet", "train-service")).spec.replicas).toBe(1);
		expect(find("HorizontalPodAutoscaler", "train-service")).toBeUndefined();
		expect(JSON.stringify(find("StatefulSet", "train-service", redis))).toContain("DAK_REDIS_URL");
	});

	it("puts both services on GPU nodes in the GPU overlay, with images that the Dockerfile has", () => {
		const kustomization = readFileSync(join(FOLDER, "gpu/kustomization.yaml"), "utf8");
		for (const name of ["train-service", "embed-service"]) {
			expect(kustomization).toContain(`dak/${name}-cuda`);
			expect(dockerfile).toContain(` AS ${name}-cuda\n`);
			const patch = JSON.stringify(resourcesIn("gpu").find(({ metadata }) => metadata.name === name));
			expect(patch).toContain('"limits":{"nvidia.com/gpu":"1"}');
			expect(patch).toContain('"nodeSelector"');
		}
	});
});
