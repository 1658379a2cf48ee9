export { type PageJob, reportPage } from "./page.js";
export { REPORT_CSP } from "./style.js";
