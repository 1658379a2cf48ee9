/** Every query of the dashboards and alerts asks for what the services expose, by names and labels. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { allSeries, embedSeries, type Series, trainSeries } from "./exposed.js";
import { parseLabelValues, parseQuery } from "./promql.js";

const DEPLOY = join(import.meta.dirname, "../../deploy");
const FOLDER = join(DEPLOY, "grafana/dashboards");

const panelSchema = z.object({
	id: z.number(),
	type: z.string(),
	title: z.string().min(1),
	description: z.string().min(1).optional(),
	gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
	fieldConfig: z.object({ defaults: z.object({ unit: z.string().optional() }) }).optional(),
	targets: z.array(z.object({ expr: z.string(), refId: z.string(), legendFormat: z.string() })).default([]),
});
const dashboardSchema = z.object({
	uid: z.string(),
	title: z.string(),
	panels: z.array(panelSchema),
	templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string(), definition: z.string().optional() })) }),
	annotations: z.object({ list: z.array(z.object({ expr: z.string() })) }),
});
type Dashboard = z.output<typeof dashboardSchema>;

const read = (file: string): Dashboard => dashboardSchema.parse(JSON.parse(readFileSync(join(FOLDER, file), "utf8")));
const graphs = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== "row");

function expressionsOf({ panels, annotations, templating }: Dashboard): string[] {
	const variables = templating.list.flatMap(({ definition }) => (definition ? [parseLabelValues(definition).selector] : []));
	return [...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...annotations.list.map(({ expr }) => expr), ...variables];
}

/** What an expression asks for that is not there. */
function missing(expression: string, series: Series): string[] {
	const { selections, groupings } = parseQuery(expression);
	const has = (metric: string, label: string) => series.get(metric)?.has(label) ?? false;
	return [
		...selections.flatMap(({ metric, labels }) =>
			series.has(metric) ? labels.filter((label) => !has(metric, label)).map((label) => `${metric}{${label}}`) : [metric],
		),
		...groupings.flatMap(({ labels, metrics }) =>
			labels.filter((label) => !metrics.some((metric) => has(metric, label))).map((label) => `(${label}) of ${metrics.join(", ")}`),
		),
	];
}

const alertsSchema = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })) });
const alerts = alertsSchema.parse(parse(readFileSync(join(DEPLOY, "prometheus/alerts.yml"), "utf8"))).groups.flatMap(({ rules }) => rules);

describe("this test", () => {
	it.each([
		["sum(rate(dak_train_nope_total[5m]))", ["dak_train_nope_total"]],
		['dak_train_jobs_total{sate="failed"}', ["dak_train_jobs_total{sate}"]],
		["sum by (adapter) (dak_train_jobs_total)", ["(adapter) of dak_train_jobs_total"]],
		["rate(dak_train_step_seconds[5m])", ["dak_train_step_seconds"]],
	])("finds what is wrong with %s", (expression, found) => {
		expect(missing(expression, trainSeries())).toEqual(found);
	});

	it("refuses what is not PromQL", () => {
		expect(() => parseQuery("sum(rate(x[5m])")).toThrow("not PromQL");
	});
});

describe.each([
	["training.json", trainSeries()],
	["serving.json", embedSeries()],
	["gpu.json", allSeries()],
])("dashboard %s", (file, series) => {
	const dashboard = read(file);

	it("asks only for what its service exposes", () => {
		expect(expressionsOf(dashboard).flatMap((expression) => missing(expression, series))).toEqual([]);
	});

	it("names only labels in legends that the query's result has", () => {
		for (const { title, targets } of graphs(dashboard)) {
			for (const { expr, legendFormat } of targets) {
				const { selections, groupings } = parseQuery(expr);
				const kept =
					groupings.length > 0 ? groupings.flatMap(({ labels }) => labels) : selections.flatMap(({ metric }) => [...series.get(metric)!]);
				for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(kept, `${title}: ${legendFormat}`).toContain(label);
			}
		}
	});

	it("explains every panel and gives its values a unit", () => {
		for (const { title, description, type, fieldConfig } of graphs(dashboard)) {
			expect(description, title).toBeDefined();
			if (type !== "heatmap") expect(fieldConfig?.defaults.unit, title).toBeDefined();
		}
	});

	it("filters every query by the chosen instances", () => {
		for (const { targets } of graphs(dashboard)) for (const { expr } of targets) expect(expr).toContain('instance=~"$instance"');
	});

	it("uses only variables that it defines", () => {
		const known = new Set(["__rate_interval", "__range", "__interval", ...dashboard.templating.list.map(({ name }) => name)]);
		const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!);
		expect(used.filter((name) => !known.has(name))).toEqual([]);
	});

	it("has panels that neither overlap nor leave the grid", () => {
		const taken = new Set<string>();
		for (const { title, gridPos } of dashboard.panels) {
			expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
			for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
				for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
					expect(taken.has(`${x},${y}`), title).toBe(false);
					taken.add(`${x},${y}`);
				}
			}
		}
	});
});

describe("all dashboards", () => {
	const dashboards = readdirSync(FOLDER).map(read);

	it("have ids of their own", () => {
		expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
		for (const { panels } of dashboards) expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
	});

	it("together show every metric of the services", () => {
		const shown = new Set(
			dashboards.flatMap(expressionsOf).flatMap((expression) => parseQuery(expression).selections.map(({ metric }) => metric)),
		);
		const families = new Set(
			[...allSeries().keys()].filter((name) => name.startsWith("dak_")).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
		);
		const unseen = [...families].filter((name) => !["", "_bucket", "_sum", "_count"].some((suffix) => shown.has(name + suffix)));
		expect(unseen).toEqual([]);
	});
});

describe("alerts", () => {
	it.each(alerts.map(({ alert, expr }) => [alert, expr]))("%s asks only for what the services expose", (_, expr) => {
		expect(missing(expr, allSeries())).toEqual([]);
	});
});
