/**
 * Byte-level BPE's second half: a word's UTF-8 bytes, merged pair by pair, the pair that was learnt first before all others.
 * Takes n·log n time for a word of n bytes, however long. @source Sennrich et al. 2016; tokenizers, models/bpe
 */
import { DakError } from "../errors/index.js";
import type { TokenizerJson } from "./tokenizer-json.js";
import type { CutWord, Piece } from "./words.js";

type BpeModel = Extract<TokenizerJson["model"], { type: "BPE" }>;

/** The characters that stand for the bytes 0 to 255 in a vocabulary. @source GPT-2's bytes_to_unicode */
export function byteCharacters(): string[] {
	const shown = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
	let next = 256;
	return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
}

interface Merges {
	/** Rank of a pair by left·size + right. */
	readonly ranks: ReadonlyMap<number, number>;
	/** What a rank's pair becomes. */
	readonly merged: Int32Array;
	readonly size: number;
}

function invalid(detail: string): never {
	throw new DakError("INVALID_MODEL", `tokenizer.json: model: ${detail}`);
}

function readMerges({ merges, vocab }: BpeModel): Merges {
	const size = Object.values(vocab).reduce((most, id) => Math.max(most, id), 0) + 1;
	const ranks = new Map<number, number>();
	const idOf = (piece: string) =>
		Object.hasOwn(vocab, piece) ? vocab[piece]! : invalid(`a merge names ${JSON.stringify(piece)}, which is not in the vocabulary`);
	const merged = Int32Array.from(merges, (merge, rank) => {
		const [left, right] = typeof merge === "string" ? (merge.split(" ") as [string, string]) : merge;
		ranks.set(idOf(left) * size + idOf(right), rank);
		return idOf(left + right);
	});
	return { ranks, merged, size };
}

/** @throws INVALID_MODEL for a vocabulary that lacks a byte, or merges of what it does not have */
export function bpeCutter(model: BpeModel): CutWord {
	const characters = byteCharacters();
	const byteIds = Int32Array.from(characters, (char, byte) =>
		Object.hasOwn(model.vocab, char)
			? model.vocab[char]!
			: invalid(`the vocabulary has no token for the byte ${byte}: it is not byte-level`),
	);
	const merges = readMerges(model);
	const encoder = new TextEncoder();
	return (word) => {
		const bytes = encoder.encode(word);
		const whole = model.ignore_merges ? wholeWord(model, characters, bytes) : undefined;
		if (whole !== undefined) return [{ id: whole, length: word.length }];
		return piecesOf(
			word,
			bytes,
			merge(
				Int32Array.from(bytes, (byte) => byteIds[byte]!),
				merges,
			),
		);
	};
}

function wholeWord({ vocab }: BpeModel, characters: readonly string[], bytes: Uint8Array): number | undefined {
	const key = Array.from(bytes, (byte) => characters[byte]).join("");
	return Object.hasOwn(vocab, key) ? vocab[key] : undefined;
}

/** A symbol and where its bytes end. */
interface Symbols {
	readonly ids: Int32Array;
	readonly ends: Int32Array;
	readonly count: number;
}

/** Places fit into as many numbers; ranks stand above them in a heap's keys. */
const MOST_BYTES = 2 ** 27;

/** Consumes `ids`. */
function merge(ids: Int32Array, { ranks, merged, size }: Merges): Symbols {
	const count = ids.length;
	// The symbol at a place begins with that byte; the next begins where it ends. 0 before the first, count after the last.
	const next = Int32Array.from({ length: count }, (_, i) => i + 1);
	const before = Int32Array.from({ length: count }, (_, i) => i - 1);
	const heap = new MinHeap();
	const rankAt = (at: number): number | undefined =>
		at < 0 || next[at]! >= count ? undefined : ranks.get(ids[at]! * size + ids[next[at]!]!);
	const offer = (at: number) => {
		const rank = rankAt(at);
		if (rank !== undefined) heap.push(rank * MOST_BYTES + at);
	};
	for (let at = 0; at < count; at++) offer(at);
	for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
		const [rank, at] = [Math.floor(key / MOST_BYTES), key % MOST_BYTES];
		// A pair that meanwhile became part of another is no more.
		if (ids[at] === GONE || rankAt(at) !== rank) continue;
		const right = next[at]!;
		ids[at] = merged[rank]!;
		ids[right] = GONE;
		next[at] = next[right]!;
		if (next[at]! < count) before[next[at]!] = at;
		offer(at);
		offer(before[at]!);
	}
	const kept = [];
	for (let at = 0; at < count; at = next[at]!) kept.push(at);
	return { ids: Int32Array.from(kept, (at) => ids[at]!), ends: Int32Array.from(kept, (at) => next[at]!), count: kept.length };
}

/** Of what was merged into the symbol before it. */
const GONE = -1;

/** Tells symbols their part of the word. A character whose bytes are several symbols' is told each of them whole. */
function piecesOf(word: string, bytes: Uint8Array, { ids, ends, count }: Symbols): Piece[] {
	if (bytes.length === word.length)
		return Array.from({ length: count }, (_, i) => ({ id: ids[i]!, length: ends[i]! - (ends[i - 1] ?? 0) }));
	const [starts, stops] = unitsOf(word, bytes.length);
	let told = 0;
	return Array.from({ length: count }, (_, i) => {
		const [start, stop] = [starts[ends[i - 1] ?? 0]!, stops[ends[i]! - 1]!];
		const piece = { id: ids[i]!, length: stop - told, overlap: told - start };
		told = stop;
		return piece;
	});
}

/** First and last-but-one UTF-16 unit of the character that each byte belongs to. */
function unitsOf(word: string, bytes: number): [Int32Array, Int32Array] {
	const [starts, stops] = [new Int32Array(bytes), new Int32Array(bytes)];
	let [at, unit] = [0, 0];
	for (const char of word) {
		const size = Buffer.byteLength(char);
		starts.fill(unit, at, at + size);
		stops.fill(unit + char.length, at, at + size);
		at += size;
		unit += char.length;
	}
	return [starts, stops];
}

/** A binary heap of numbers. */
class MinHeap {
	readonly #keys: number[] = [];

	push(key: number): void {
		const keys = this.#keys;
		let at = keys.push(key) - 1;
		for (let parent = (at - 1) >> 1; at > 0 && keys[parent]! > key; parent = (at - 1) >> 1) {
			keys[at] = keys[parent]!;
			at = parent;
		}
		keys[at] = key;
	}

	pop(): number | undefined {
		const keys = this.#keys;
		const [least, last] = [keys[0], keys.pop()];
		if (keys.length === 0 || last === undefined) return least;
		let at = 0;
		for (let child = 1; child < keys.length; child = 2 * at + 1) {
			if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
			if (keys[child]! >= last) break;
			keys[at] = keys[child]!;
			at = child;
		}
		keys[at] = last;
		return least;
	}
}
