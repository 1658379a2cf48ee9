/** Vectors as JSON and base64, without a copy as plain arrays. */

/** [[…],[…]] */
export const vectorsJson = (vectors: readonly Float32Array[]): string => `[${vectors.map(vectorJson).join(",")}]`;

/** Values are finite: the scheduler lets no others through. */
export const vectorJson = (vector: Float32Array): string => `[${vector.join(",")}]`;

/** OpenAI's base64: the float32 values, little-endian. */
export const vectorBase64 = (vector: Float32Array): string =>
	Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
