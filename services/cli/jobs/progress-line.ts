/** One training step as one line. */
import type { ProgressJson } from "@dak/shared/client";
import { bar, clock, mib } from "../terminal.js";
import { sparkline } from "./sparkline.js";

const factsOf = (progress: ProgressJson): string[] => [
	`loss ${progress.loss.toFixed(3)}`,
	`${Math.round(progress.tokens_per_second)} tokens/s`,
	mib(progress.memory_bytes),
	...(progress.device_memory_bytes > 0 ? [`${mib(progress.device_memory_bytes)} on the device`] : []),
	`${clock(progress.eta_seconds)} left`,
];

/** For a log or a pipe. */
export function plainProgress(progress: ProgressJson): string {
	const { step, total_steps } = progress;
	return `  ${bar(step / total_steps)} ${step}/${total_steps}  ${factsOf(progress).join("  ")}`;
}

/** Least that bar and curve are drawn in; a narrower terminal gets neither a curve nor the last facts. */
const [LEAST_BAR, LEAST_CURVE] = [8, 6];
const [MOST_BAR, MOST_CURVE] = [32, 48];

/** For a terminal: bar and loss curve share what the facts leave of the line. */
export function liveProgress(progress: ProgressJson, losses: readonly number[], columns: number): string {
	const { step, total_steps } = progress;
	const [loss, ...rest] = factsOf(progress);
	const head = ` ${String(step).padStart(String(total_steps).length)}/${total_steps}  ${loss}`;
	const tail = rest.map((fact) => `  ${fact}`);
	// One column stays free, so that no terminal wraps the line.
	const free = () => columns - 1 - 2 - head.length - 1 - tail.join("").length;
	while (free() < LEAST_BAR + LEAST_CURVE && tail.length > 1) tail.splice(-2, 1);
	const barWidth = Math.max(LEAST_BAR, Math.min(MOST_BAR, Math.floor(free() * 0.45)));
	const curveWidth = Math.min(MOST_CURVE, free() - barWidth);
	// As wide from the first step on, so that what follows stays where it is.
	const curve = curveWidth >= LEAST_CURVE ? ` ${sparkline(losses, curveWidth).padEnd(curveWidth)}` : "";
	return `  ${bar(step / total_steps, barWidth)}${head}${curve}${tail.join("")}`;
}
