/** The messages and services of proto/, as generated; those of Text Embeddings Inference, whose names are like ours, under `tei`. shared/gen is wiped and rewritten by `npm run gen`; this door stays. */
export * from "../gen/dak/v1/embed_service_pb.js";
export * from "../gen/dak/v1/job_pb.js";
export * from "../gen/dak/v1/train_service_pb.js";
export * as tei from "../gen/tei/v1/tei_pb.js";
