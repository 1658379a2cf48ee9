export { gradients } from "./gradients.js";
export { VJP_RULES, type VjpContext, type VjpRule } from "./vjp.js";
