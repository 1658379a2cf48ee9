/**
 * What no graph tells: measured on a machine, and to be measured again when the runtime or the training process changes, with
 *
 *     npm run bench -- estimate --base DIR --texts FILE --json
 *
 * which runs jobs and prints estimated against measured peaks. Figures of Node 20.20, onnxruntime-node 1.29.0, glibc 2.36, x64.
 */
const MIB = 2 ** 20;

/** A training process before it has read anything: Node, its modules, ONNX Runtime's library. */
export const RUNTIME_BYTES = 110 * MIB;
/** A tokenizer in memory, for each entry of its vocabulary. */
export const TOKENIZER_BYTES_PER_ENTRY = 700;
/** A text in memory beside its characters and ids. */
export const BYTES_PER_TEXT = 200;
/** Allocated memory to resident memory: what the C library keeps between freed and used blocks. */
export const FRAGMENTATION = 1.1;
/** Texts that base and adapter are compared on (training/measure.ts). */
export const MEASURED_TEXTS = 400;

/** Device memory of a GPU job beside its tensors: context, kernels, workspaces. Not measured: no GPU was at hand. */
export const GPU_CONTEXT_BYTES = 600 * MIB;
/** A GPU allocator's pool to what lives in it. Not measured. */
export const GPU_POOL = 1.25;
