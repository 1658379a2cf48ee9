/**
 * What @huggingface/transformers gives for a folder of write-outputs.ts, against serving's vectors.
 *
 *     npm install --ignore-scripts --prefix /tmp/transformers @huggingface/transformers
 *     node tests/interop/check-outputs-transformers.mjs DIR /tmp/transformers
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, install] = process.argv.slice(2).map((path) => resolve(path));
const entry = createRequire(join(install, "package.json")).resolve("@huggingface/transformers");
const { version } = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8"));
const { env, pipeline } = await import(pathToFileURL(entry).href);
env.allowRemoteModels = false;
env.localModelPath = `${folder}/`;

const { texts, vectors, pooling } = JSON.parse(readFileSync(join(folder, "served.json"), "utf8"));
const cosine = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);
let good = true;
for (const [dtype, allowed] of [
	["fp32", 1e-4],
	["q8", 2e-2],
]) {
	const embed = await pipeline("feature-extraction", "onnx", { dtype });
	const found = (await embed(texts, { pooling, normalize: true })).tolist();
	const cosines = found.map((vector, i) => cosine(vector, vectors[i]));
	const gap = 1 - Math.min(...cosines);
	const mean = cosines.reduce((sum, x) => sum + x, 0) / cosines.length;
	console.log(
		`@huggingface/transformers ${version}, ${dtype}: mean cosine ${mean.toFixed(7)}, largest gap ${gap.toExponential(2)}, allowed ${allowed}`,
	);
	good &&= gap <= allowed;
}
process.exit(good ? 0 : 1);
