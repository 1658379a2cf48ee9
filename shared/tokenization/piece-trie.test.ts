import fc from "fast-check";
import { expect, test } from "vitest";
import { PieceTrie } from "./piece-trie.js";

const word = (maxLength: number) =>
	fc.array(fc.constantFrom("a", "b", "▁", "я", "😀", "😁", "\ud83d"), { maxLength }).map((units) => units.join(""));

test("finds the pieces that a text begins with, as comparing it with each does", () => {
	fc.assert(
		fc.property(fc.array(word(5), { maxLength: 40 }), word(12), fc.nat(12), (pieces, text, from) => {
			const trie = new PieceTrie(pieces);
			const start = Math.min(from, text.length);
			const found: [number, number][] = [];
			trie.eachPrefix(text, start, (stop, id) => found.push([stop, id]));
			const ids = new Map(pieces.map((piece, id) => [piece, id]));
			const expected = [...ids]
				.filter(([piece]) => piece !== "" && piece.isWellFormed() && text.startsWith(piece, start))
				.map(([piece, id]) => [start + piece.length, id])
				.sort(([a], [b]) => a! - b!);
			expect(found).toEqual(expected);
		}),
		{ numRuns: 2000 },
	);
});

test("knows a piece's id, and nothing else's", () => {
	fc.assert(
		fc.property(fc.array(word(4), { maxLength: 30 }), word(4), (pieces, piece) => {
			const last = piece !== "" && piece.isWellFormed() ? pieces.lastIndexOf(piece) : -1;
			expect(new PieceTrie(pieces).get(piece)).toBe(last < 0 ? undefined : last);
		}),
	);
});

test("holds nothing where there are no pieces", () => {
	const trie = new PieceTrie([]);
	expect(trie.get("")).toBeUndefined();
	expect(trie.get("a")).toBeUndefined();
});
