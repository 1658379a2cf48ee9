/** The messages and services of proto/dak/v1, as generated. shared/gen is wiped and rewritten by `npm run gen`; this door stays. */
export * from "../gen/dak/v1/embed_service_pb.js";
export * from "../gen/dak/v1/job_pb.js";
export * from "../gen/dak/v1/train_service_pb.js";
