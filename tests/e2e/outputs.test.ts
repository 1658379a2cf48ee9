/** A job's merged model and ONNX files, from the submission to the folders that the command line writes, on the real base model. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AdapterManifest } from "@dak/shared/adapters";
import { openBaseModel } from "@dak/shared/models";
import { chooseDevice, int64, Session } from "@dak/shared/runtime";
import { loadTokenizer } from "@dak/shared/tokenization";
import { trainingProcess } from "@dak/train-service/training";
import { expect, onTestFinished, test } from "vitest";
import { dak } from "../../services/cli/testing/run.js";
import { jobWith, scratchFolder, startService } from "../../services/train-service/testing/index.js";
import { launchEmbedService } from "../contract/embed-service.setup.js";

const SMALL = { max_length: 16, training: { max_steps: 3, batch_size: 2, learning_rate: 1e-2 }, lora: { r: 4 } };
type Canary = AdapterManifest["canaries"][number];

/** Largest difference between a canary's vector and that of an ONNX file, mean-pooled and scaled to 1 here. */
async function gapOf(file: string, ids: Int32Array, { embedding }: Canary): Promise<number> {
	const session = await Session.create(file, { device: chooseDevice("cpu"), threads: 1, memory: "lean", disabledOptimizers: [] });
	const shape = [1, ids.length];
	const { last_hidden_state: states } = await session.run({
		input_ids: int64(BigInt64Array.from(ids, BigInt), shape),
		attention_mask: int64(new BigInt64Array(ids.length).fill(1n), shape),
		token_type_ids: int64(new BigInt64Array(ids.length), shape),
	});
	const data = states!.data as Float32Array;
	const mean = embedding.map((_, d) => ids.reduce((sum, __, s) => sum + data[s * embedding.length + d]!, 0) / ids.length);
	const norm = Math.hypot(...mean);
	await session.dispose();
	return Math.max(...mean.map((value, d) => Math.abs(value / norm - embedding[d]!)));
}

test("a job's merged model and ONNX are fetched by the command line and give the canaries' vectors", async () => {
	const [train, embed] = await Promise.all([startService(scratchFolder(), { DAK_THREADS: "1" }, trainingProcess()), launchEmbedService()]);
	onTestFinished(embed.stop);
	const { id } = await train.create(
		jobWith({ ...SMALL, adapter_name: "hats", output: { merged_model: true, merged_dtype: "fp16", onnx: true } }),
	);
	const job = await train.until(id, "succeeded", "failed");
	expect(job, JSON.stringify(job.error)).toMatchObject({ state: "succeeded" });
	const report = (await (await fetch(`${train.url}/v1/jobs/${id}/report`)).json()) as { outputs: Record<string, unknown> };
	expect(report.outputs).toMatchObject({ merged_model: { dtype: "fp16", texts: 4 }, onnx: { fp32: { texts: 4 }, int8: { texts: 4 } } });

	const out = scratchFolder();
	const to = (name: string, ...args: string[]) =>
		dak(["adapters", ...args, "hats", "-o", join(out, name), "--train", train.url, "--embed", embed.url]);
	mkdirSync(out, { recursive: true });
	for (const ran of [await to("peft", "export"), await to("merged", "merge"), await to("onnx", "export", "--format", "onnx")])
		expect(ran.code, ran.err).toBe(0);
	const merged = await openBaseModel({ ref: "merged", path: join(out, "merged"), source: "local" });
	expect(merged.weights.tensors.get("encoder.layer.0.output.dense.weight")?.dtype).toBe("F16");
	merged.weights.close();

	const { canaries } = JSON.parse(readFileSync(join(out, "peft", "manifest.json"), "utf8")) as AdapterManifest;
	const tokenizer = await loadTokenizer(join(out, "onnx"));
	const ids = tokenizer.encode(canaries[0]!.text, { maxLength: 64 });
	expect(await gapOf(join(out, "onnx", "onnx", "model.onnx"), ids, canaries[0]!)).toBeLessThan(1e-5);
	expect(await gapOf(join(out, "onnx", "onnx", "model_quantized.onnx"), ids, canaries[0]!)).toBeLessThan(2e-2);
	rmSync(out, { recursive: true });
});
