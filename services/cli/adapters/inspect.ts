/** What stands in an adapter. */
import { targetModules } from "@dak/shared/adapters";
import { table } from "../command/index.js";
import { mib, type Terminal } from "../terminal.js";
import { normOf } from "./delta.js";
import type { Located } from "./locate.js";

/** Everything that --json prints; norms are those of ΔW = s·B·A. */
export function inspection({ adapter, from }: Located) {
	const { name, r, scale, modules, manifest, weightsHash, bytes } = adapter;
	const { canaries, settings, ...facts } = manifest ?? {};
	return {
		name,
		from,
		r,
		alpha: scale * r,
		scale,
		parameters: modules.reduce((sum, { a, b }) => sum + a.length + b.length, 0),
		bytes,
		target_modules: targetModules(modules),
		weights_hash: weightsHash,
		manifest: manifest ? { ...facts, canaries: canaries?.length ?? 0 } : null,
		layers: modules.map((module) => ({
			path: module.path,
			in: module.inFeatures,
			out: module.outFeatures,
			norm: normOf(module, scale),
		})),
	};
}

export function printInspection(terminal: Terminal, located: Located): void {
	const { manifest, layers, ...all } = inspection(located);
	const rows: [string, string][] = [
		["adapter", all.name],
		["from", all.from],
		["rank", `r ${all.r}, alpha ${Number(all.alpha.toFixed(3))}, scale ${Number(all.scale.toFixed(3))}`],
		["size", `${layers.length} layers, ${all.parameters.toLocaleString("en")} parameters, ${mib(all.bytes)}`],
		["targets", all.target_modules.join(", ")],
		...manifestRows(manifest),
	];
	for (const [name, value] of rows) terminal.line(`${terminal.dim(name.padEnd(8))} ${value}`);
	terminal.line();
	const most = Math.max(...layers.map(({ norm }) => norm));
	const shown = layers.map(({ path, in: wide, out, norm }) => [
		path,
		`${out} × ${wide}`,
		norm.toFixed(4),
		"▪".repeat(Math.round((12 * norm) / (most || 1))),
	]);
	for (const line of table(["layer", "shape", "‖ΔW‖", ""], shown)) terminal.line(line);
}

function manifestRows(manifest: ReturnType<typeof inspection>["manifest"]): [string, string][] {
	if (manifest === null) return [["made by", "another tool: there is no manifest.json"]];
	return [
		["base", `${manifest.base_model}  ${manifest.base_fingerprint?.slice(0, 19)}…`],
		["made", `${manifest.created_at?.slice(0, 19).replace("T", " ")} UTC by ${manifest.job_id ?? `version ${manifest.tool_version}`}`],
		["verdict", `${manifest.verdict}`],
		["texts", `${manifest.pooling} pooling, at most ${manifest.max_length} tokens, ${manifest.quantization} base`],
	];
}
