export { inspectTexts } from "./inspect.js";
export { type BaseTokenizer, DEFAULT_PREPARATION, type PreparationOptions } from "./options.js";
export { type Outputs, prepareTexts } from "./prepare.js";
