/** What of a training step a GPU's provider leaves to the CPU: each such node costs a copy there and back. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DEVICE, TIMEOUT_MS } from "./device.js";

const run = promisify(execFile);

/** Types of the nodes on the CPU, from ONNX Runtime's log of a compilation. */
async function nodesOnCpu(): Promise<string[]> {
	const args = ["--import", "tsx", "--conditions", "@dak/source", join(import.meta.dirname, "print-placement.ts")];
	const { stdout, stderr } = await run(process.execPath, args, { maxBuffer: 2 ** 28 });
	const lines = (stdout + stderr).split("\n");
	const start = lines.findIndex((line) => line.includes("placed on [CPUExecutionProvider]"));
	expect(start, "ONNX Runtime logs placements").toBeGreaterThan(-1);
	const types = lines.slice(start + 1).map((line) => /VerifyEachNodeIsAssignedToAnEp\]\s+(\w+) \(/.exec(line)?.[1]);
	return types.slice(0, types.indexOf(undefined)) as string[];
}

test.skipIf(DEVICE.kind !== "webgpu")(
	"WebGPU leaves the vocabulary's loop and its counting to the CPU, and nothing else",
	{ timeout: TIMEOUT_MS },
	async () => {
		// Where a chunk of the vocabulary begins and ends, whether the loop goes on, and the number of rows as a float.
		expect((await nodesOnCpu()).sort()).toEqual(["Add", "Cast", "Identity", "Loop", "Mul", "Reshape"]);
	},
);
