export { areNearDuplicates, comparable, jaccard } from "./compare.js";
export { NearDuplicates, type NearDuplicatesOptions } from "./near-duplicates.js";
export { SeenTexts } from "./seen.js";
