/**
 * What no graph tells: measured on a machine, and to be measured again when the runtime or the training process changes, with
 *
 *     npm run bench -- estimate --base DIR --texts FILE --json
 *
 * which runs jobs and prints estimated against measured peaks. Figures of Node 20.20, onnxruntime-node 1.29.0, glibc 2.36, x64.
 */
const MIB = 2 ** 20;

/** A training process that has read nothing of the job yet: Node, its modules, ONNX Runtime with its two sessions. */
export const RUNTIME_BYTES = 130 * MIB;
/** A tokenizer in memory once it was read, for each byte of its file: about 55 MiB of multilingual-e5-small's 8.4, 8 of all-MiniLM-L6-v2's 0.45. */
export const TOKENIZER_BYTES_PER_FILE_BYTE = 7;
/** Packed weights to what is resident once they are: each was read in fp32 before. */
export const PACKED_WEIGHTS = 1.8;
/** A text in memory beside its characters and ids. */
export const BYTES_PER_TEXT = 200;
/**
 * Values that live to resident memory: what the C library keeps between freed and used blocks, batches having all sizes. Where
 * large blocks go back to the system at once (MALLOC_MMAP_THRESHOLD_=1048576) it is 1.05.
 */
export const FRAGMENTATION = 1.2;
/** Texts that base and adapter are compared on (training/measure.ts). */
export const MEASURED_TEXTS = 400;

/** Device memory of a GPU job beside its tensors: context, kernels, workspaces. Not measured: no GPU was at hand. */
export const GPU_CONTEXT_BYTES = 600 * MIB;
/** A GPU allocator's pool to what lives in it. Not measured. */
export const GPU_POOL = 1.25;
