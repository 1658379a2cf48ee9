export { describeTexts } from "./describe.js";
export { Tally, type TallyTokenizer } from "./tally.js";
export type { DatasetStatistics, TokenStatistics } from "./types.js";
export { FEWEST_TEXTS, refuseNumbers, refuseUnknown, tooFew, warningsOf } from "./warnings.js";
