/** Two adapters side by side. */
import { table } from "../command/index.js";
import type { Terminal } from "../terminal.js";
import { compareAdapters } from "./delta.js";
import type { Located } from "./locate.js";

export function comparison(first: Located, second: Located) {
	const { layers, onlyFirst, onlySecond, cosine } = compareAdapters(first.adapter, second.adapter);
	const side = ({ adapter, from }: Located) => ({ name: adapter.name, from, r: adapter.r, alpha: adapter.scale * adapter.r });
	const bases = [first, second].map(({ adapter }) => adapter.manifest?.base_fingerprint);
	return {
		a: side(first),
		b: side(second),
		/** null where one of them does not say. */
		same_base: bases.includes(undefined) ? null : bases[0] === bases[1],
		cosine: cosine ?? null,
		layers: layers.map(({ path, norms, cosine: own }) => ({ path, norm_a: norms[0], norm_b: norms[1], cosine: own ?? null })),
		only_a: onlyFirst,
		only_b: onlySecond,
	};
}

export function printComparison(terminal: Terminal, first: Located, second: Located): void {
	const { a, b, same_base, cosine, layers, only_a, only_b } = comparison(first, second);
	for (const [label, side] of [
		["A", a],
		["B", b],
	] as const)
		terminal.line(`${terminal.bold(label)} ${side.name}  r ${side.r}, alpha ${Number(side.alpha.toFixed(3))}  ${terminal.dim(side.from)}`);
	if (same_base === false) terminal.line(terminal.yellow("They were made for different base models: what follows says little."));
	terminal.line();
	const shown = layers.map(({ path, norm_a, norm_b, cosine: own }) => [path, norm_a.toFixed(4), norm_b.toFixed(4), own?.toFixed(3) ?? "–"]);
	for (const line of table(["layer", "‖ΔW‖ A", "‖ΔW‖ B", "cosine"], shown)) terminal.line(line);
	for (const [label, only] of [
		["A", only_a],
		["B", only_b],
	] as const)
		if (only.length > 0) terminal.line(`only in ${label}, or of another shape: ${only.join(", ")}`);
	terminal.line();
	terminal.line(`cosine of all ${layers.length} common layers together: ${cosine?.toFixed(3) ?? "–"}`);
}
