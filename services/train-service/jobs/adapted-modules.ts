/** Which linear layers a job adapts: named by the last parts of their paths, as PEFT's target_modules. */
import { invalidField } from "@dak/shared/errors";
import { type EncoderConfig, moduleNames } from "@dak/shared/models";

/** Every linear layer of the encoder; PEFT's word for it. */
export const ALL_LINEAR = "all-linear";

/** The names that `names` stands for in an encoder. @throws INVALID_REQUEST for one that it does not have */
export function adaptedModules(names: readonly string[], encoder: EncoderConfig): string[] {
	const known = moduleNames(encoder);
	const unknown = names.findIndex((name) => name !== ALL_LINEAR && !known.includes(name));
	if (unknown >= 0) {
		const found = `found ${names[unknown]}, allowed for a base of the architecture ${encoder.architecture}`;
		throw invalidField(`/lora/target_modules/${unknown}`, `${found}: ${[ALL_LINEAR, ...known].join(", ")}`);
	}
	return names.includes(ALL_LINEAR) ? known : [...names];
}
