export { Packing } from "../packing.js";
export * from "./embed-graph.js";
export * from "./tiles.js";
export { type PackedTensor, packBase, wordType } from "./weights.js";
