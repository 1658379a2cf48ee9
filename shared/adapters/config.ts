/**
 * adapter_config.json. PEFT writes some forty keys: those that change what an adapter computes must have the value that we
 * apply, the others pass, known or not.
 */
import { z } from "zod";

/** Keys of PEFT's that switch on another computation when they are set. */
const unset = (what: string) =>
	z
		.unknown()
		.refine((value) => value == null || value === false || isEmpty(value), `${what} is not supported; allowed: null`)
		.optional();

const isEmpty = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** These leave the base as it is. Others (pissa, olora, corda, loftq, …) take a part of each base weight into the factors. */
const PLAIN_INITS: readonly unknown[] = [undefined, null, true, false, "gaussian", "eva", "orthogonal"];

export const adapterConfigSchema = z.object({
	peft_type: z.literal("LORA"),
	r: z.int().min(1),
	lora_alpha: z.number().positive(),
	target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
	use_rslora: z.boolean().nullish(),
	bias: z.literal("none").nullish(),
	fan_in_fan_out: z.literal(false).nullish(),
	init_lora_weights: z
		.unknown()
		.refine((value) => PLAIN_INITS.includes(value), "changes the base's weights; allowed: true, false, gaussian, eva, orthogonal")
		.optional(),
	use_dora: unset("DoRA"),
	lora_bias: unset("a bias in lora_B"),
	modules_to_save: unset("training whole modules"),
	rank_pattern: unset("a rank by layer"),
	alpha_pattern: unset("an alpha by layer"),
	layer_replication: unset("replicating layers"),
	trainable_token_indices: unset("training token embeddings"),
	target_parameters: unset("adapting bare parameters"),
	alora_invocation_tokens: unset("activated LoRA"),
	use_qalora: unset("QA-LoRA"),
	use_bdlora: unset("block-diagonal LoRA"),
	arrow_config: unset("Arrow routing"),
	kasa_config: unset("KaSA"),
	monteclora_config: unset("MonteCLoRA"),
});

export type AdapterConfig = z.output<typeof adapterConfigSchema>;
