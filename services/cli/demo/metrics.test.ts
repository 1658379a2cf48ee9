import { expect, test } from "vitest";
import { metricNames, metricValue } from "./metrics.js";

const METRICS = `# HELP dak_train_steps_total Steps.
# TYPE dak_train_steps_total counter
dak_train_steps_total 12
# TYPE dak_train_step_seconds histogram
dak_train_step_seconds_bucket{le="1"} 3
dak_train_step_seconds_sum 4.5
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{mode="all"} 1.5e3
`;

test("metrics are read by name: the first value, and the product's own names once each", () => {
	expect(metricValue(METRICS, "dak_train_steps_total")).toBe(12);
	expect(metricValue(METRICS, "process_cpu_seconds_total")).toBe(1500);
	expect(metricValue(METRICS, "dak_train")).toBeUndefined();
	expect([...metricNames(METRICS)]).toEqual(["dak_train_steps_total", "dak_train_step_seconds"]);
});
