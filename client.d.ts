export * from "@dak/shared/client";
