/** Packs one tensor of a model and writes codes and scales as a safetensors file, for a comparison with bitsandbytes. */
import { parseArgs } from "node:util";
import { quantizeNf4 } from "@dak/shared/quantization";
import { float32Tensor, openSafetensors, writeSafetensors } from "@dak/shared/safetensors";

const { values } = parseArgs({
	options: {
		weights: { type: "string" },
		tensor: { type: "string" },
		out: { type: "string" },
		single: { type: "boolean", default: false },
	},
});
if (!values.weights || !values.tensor || !values.out) throw new Error("--weights FILE --tensor NAME --out FILE [--single]");
const file = openSafetensors(values.weights);
const shape = file.tensors.get(values.tensor)?.shape as [number, number];
const { codes, absmax } = quantizeNf4(file.float32(values.tensor), shape, { doubleQuant: !values.single });
const bytes = (data: Uint8Array) => ({ dtype: "U8" as const, shape: [data.length], data });
const floats = (data: Float32Array) => float32Tensor(data, [data.length]);
writeSafetensors(values.out, {
	codes: bytes(codes),
	...(absmax.kind === "fp32"
		? { absmax: floats(absmax.values) }
		: { absmax: bytes(absmax.codes), nested_absmax: floats(absmax.nestedAbsmax), offset: floats(Float32Array.of(absmax.offset)) }),
});
