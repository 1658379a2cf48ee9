/** Arithmetic of the linear layers' products; everything else is fp32. The weights behind all of them are the same NF4 ones. */
export const COMPUTE_MODES = ["int8", "precise", "fp32"] as const;

/**
 * int8: 8-bit weights (a scale an output) times 8-bit activations (a scale a row). precise: the same weights times
 * 16-bit activations, as two products. fp32: the 4-bit weights unpacked inside the product.
 */
export type ComputeMode = (typeof COMPUTE_MODES)[number];

/** Largest cosine gap that a mode's own rounding may leave to fp32 products, for a single text (docs/benchmarks.md). */
export const DRIFT_LIMIT: Readonly<Record<ComputeMode, number>> = { int8: 0.03, precise: 5e-3, fp32: 1e-3 };
