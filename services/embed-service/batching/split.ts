import type { WaitingText } from "./queue.js";

/**
 * Parts of a batch for lanes that are free, of about the same number of tokens, an adapter's texts side by side: a merged
 * adapter's weights are then read once, and factors are stacked once.
 */
export function splitBatch(texts: readonly WaitingText[], parts: number, maxTokens: number, maxTexts: number): WaitingText[][] {
	if (parts === 1) return texts.length > 0 ? [[...texts]] : [];
	const order = new Map<unknown, number>();
	for (const { input } of texts) if (!order.has(input.adapter)) order.set(input.adapter, order.size);
	const sorted = [...texts].sort((a, b) => order.get(a.input.adapter)! - order.get(b.input.adapter)!);
	const share = Math.min(maxTokens, texts.reduce((sum, { tokens }) => sum + tokens, 0) / parts);
	const made: WaitingText[][] = [];
	let tokens = Number.POSITIVE_INFINITY;
	for (const text of sorted) {
		if (tokens >= share || tokens + text.tokens > maxTokens || made.at(-1)!.length >= maxTexts) {
			made.push([]);
			tokens = 0;
		}
		made.at(-1)!.push(text);
		tokens += text.tokens;
	}
	return made;
}
