import { type EntryPoint, entryPoint } from "@dak/shared/runtime";

/** The program that a job runs in. */
export const trainingProcess = (): EntryPoint => entryPoint(import.meta.url, "process");
