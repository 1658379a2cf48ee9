/** Each alert has its page in the runbook and its case in the rules' own tests; promtool runs those where it is installed. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../..");
const RULES = join(ROOT, "deploy/prometheus/alerts.yml");
const TESTS = join(ROOT, "deploy/prometheus/alerts.test.yml");

const rulesSchema = z.object({
	groups: z.array(
		z.object({
			rules: z.array(
				z.object({
					alert: z.string(),
					labels: z.object({ severity: z.enum(["warning", "critical"]) }),
					annotations: z.object({ summary: z.string(), runbook: z.string() }),
				}),
			),
		}),
	),
});
const testsSchema = z.object({
	tests: z.array(
		z.object({ name: z.string(), alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })) }),
	),
});
const rules = rulesSchema.parse(parse(readFileSync(RULES, "utf8"))).groups.flatMap((group) => group.rules);
const cases = testsSchema.parse(parse(readFileSync(TESTS, "utf8"))).tests.flatMap(({ alert_rule_test }) => alert_rule_test);

/** Debian's package prometheus has it. */
const promtool = process.env.DAK_PROMTOOL ?? "promtool";
const installed = spawnSync(promtool, ["--version"]).status === 0;

describe("alerts.yml", () => {
	it.each(rules.map((rule) => [rule.alert, rule] as const))(
		"%s has a page in the runbook, with what to look at and what to do",
		(name, { annotations }) => {
			expect(annotations.runbook).toBe(`docs/runbook/${name}.md`);
			const page = readFileSync(join(ROOT, annotations.runbook), "utf8");
			expect(page).toMatch(new RegExp(`^# ${name}: `));
			expect(page).toMatch(/## Look\n\n1\. [\s\S]*## Do\n\n- /);
			expect(readFileSync(join(ROOT, "docs/runbook/README.md"), "utf8")).toContain(`(${name}.md)`);
		},
	);

	it("has no page too many", () => {
		const pages = readdirSync(join(ROOT, "docs/runbook")).filter((name) => name.startsWith("Dak"));
		expect(pages.sort()).toEqual(rules.map(({ alert }) => `${alert}.md`).sort());
	});

	it.each(rules.map(({ alert }) => alert))("%s is tested to fire", (alert) => {
		expect(cases.some((each) => each.alertname === alert && each.exp_alerts.length > 0)).toBe(true);
	});

	it.skipIf(!installed)("does what its tests say (promtool)", () => {
		expect(execFileSync(promtool, ["check", "rules", RULES], { encoding: "utf8" })).toContain("SUCCESS");
		expect(execFileSync(promtool, ["test", "rules", TESTS], { encoding: "utf8", stdio: "pipe" })).toContain("SUCCESS");
	});
});

it("the runbook's links lead somewhere", () => {
	const folder = join(ROOT, "docs/runbook");
	for (const name of readdirSync(folder)) {
		const links = [...readFileSync(join(folder, name), "utf8").matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map((match) => match[1]!);
		for (const link of links) expect(existsSync(join(folder, link)), `${name}: ${link}`).toBe(true);
	}
});
