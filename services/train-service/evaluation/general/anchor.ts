/** A sentence, and others with the grade of what they have in common with it. */
export type Anchor = readonly [sentence: string, ...others: (readonly [grade: number, sentence: string])[]];
