export * from "./build.js";
export * from "./dtype.js";
export { Emitter, type OnnxAttribute, valueInfo } from "./emit.js";
export { Graph, type Node, Value, type ValueType } from "./graph.js";
export { NF4_VALUES } from "./nf4-codebook.js";
export { MICROSOFT, OPS, type OpAttrs, type OpName } from "./ops.js";
export * from "./serialize.js";
export { broadcastShapes, type Dim, normalAxis, type Shape, showShape } from "./shape.js";
export { MAX_MODEL_BYTES, modelPieces, type StreamedWeight, weightBytes } from "./stream.js";
