/**
 * `node scripts/fuzz.mjs [--cases N] [--seed N] [--from N] [--target NAME]…`: fuzzes everything that reads strangers' bytes and prints one line
 * of JSON: cases, taken, refused, and each fault with the seed and the index that repeat it. Ends with 1 where there is one.
 */
import { parseArgs } from "node:util";
import { type Counts, fuzzFiles } from "./fuzz-files.js";
import { fuzzGrpc } from "./fuzz-grpc.js";
import { FILE_TARGETS } from "./targets.js";

const { values } = parseArgs({
	options: {
		cases: { type: "string", default: "2000" },
		seed: { type: "string", default: "1" },
		from: { type: "string", default: "0" },
		target: { type: "string", multiple: true },
	},
});
const names = [...Object.keys(FILE_TARGETS), "gRPC"];
const unknown = values.target?.filter((name) => !names.includes(name)) ?? [];
if (unknown.length > 0) {
	console.error(`unknown target ${unknown.join(", ")}; allowed: ${names.join(", ")}`);
	process.exit(2);
}
const options = { seed: Number(values.seed), cases: Number(values.cases), from: Number(values.from) };
const results: Counts[] = [];
for (const name of values.target ?? names) {
	const counts = name === "gRPC" ? await fuzzGrpc(options) : await fuzzFiles(name, options);
	console.error(`${name}: ${counts.cases} cases, ${counts.taken} taken, ${counts.refused} refused, ${counts.faults.length} faults`);
	results.push(counts);
}
const faults = results.reduce((sum, each) => sum + each.faults.length, 0);
console.log(JSON.stringify({ cases: results.reduce((sum, each) => sum + each.cases, 0), faults, targets: results }));
process.exit(faults === 0 ? 0 : 1);
