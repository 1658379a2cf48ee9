export * from "./entry-point.js";
