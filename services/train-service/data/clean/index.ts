export { type CleanOptions, cleanLines, cleanText, DEFAULT_CLEANING, onOneLine } from "./clean.js";
export { splitLongText } from "./sentences.js";
