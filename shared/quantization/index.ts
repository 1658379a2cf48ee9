export { DYNAMIC_CODEBOOK, NF4_CODEBOOK } from "./codebooks.js";
export { BLOCK, codePlanes, dequantizeAbsmax, dequantizeNf4, NESTED_BLOCK, nf4Bytes, quantizeNf4 } from "./nf4.js";
export type * from "./types.js";
