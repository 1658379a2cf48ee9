export { jobFields } from "./job.js";
export { referencePages } from "./pages.js";
