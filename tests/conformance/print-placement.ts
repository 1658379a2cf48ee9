/** Compiles a step and lets ONNX Runtime log, on stderr, which provider each node was given to. */
import { createRequire } from "node:module";
import { DEVICE } from "./device.js";
import { ALL_LOSSES, StepUnderTest, smallModel } from "./step.js";

process.env.ORT_DISABLE_TELEMETRY ??= "1";
const { InferenceSession } = createRequire(import.meta.resolve("@dak/shared/runtime"))(
	"onnxruntime-node",
) as typeof import("onnxruntime-node");
const { step } = new StepUnderTest(smallModel(), ALL_LOSSES);
const session = await InferenceSession.create(step.model, {
	executionProviders: [DEVICE.kind, "cpu"],
	logSeverityLevel: 0,
	logVerbosityLevel: 1,
	extra: { optimization: { disable_specified_optimizers: "CommonSubexpressionElimination;ConstantFolding" } },
});
await session.release();
