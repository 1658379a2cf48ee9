/** Seeded mutations: of bytes as they are, and of JSON by its values, which reaches behind the first syntax error. */
import type { Random } from "@dak/shared/random";

/** Values at which formats and arithmetic break. */
const NUMBERS = [0, -1, 1, 2, 255, 256, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e308, 0.5, -0.1];
const TEXTS = [
	"",
	"\0",
	"../../etc/passwd",
	"__proto__",
	"constructor",
	"\ud800",
	"é".repeat(300),
	"(a+)+$",
	"NaN",
	"💥".repeat(40),
	"%s%n",
];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)]!;

function deep(levels: number): unknown {
	let value: unknown = [];
	for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
	return value;
}

const strange = (random: Random): unknown =>
	pick<() => unknown>(random, [
		() => pick(random, NUMBERS),
		() => pick(random, TEXTS),
		() => null,
		() => random.below(2) === 0,
		() => [],
		() => ({}),
		() => deep(pick(random, [3, 50, 2000])),
		() => Array.from({ length: 300 }, () => pick(random, NUMBERS)),
	])();

/** A copy of `value` in which one place, anywhere in it, is changed. */
export function mutateJson(value: unknown, random: Random): unknown {
	if (typeof value !== "object" || value === null || random.below(8) === 0) return strange(random);
	const keys = Object.keys(value);
	if (keys.length === 0) return strange(random);
	const key = pick(random, keys);
	const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
	const kind = random.below(10);
	if (kind === 0 && !Array.isArray(copy)) delete copy[key];
	else if (kind === 1) copy[pick(random, keys)] = copy[key];
	else if (kind === 2 && !Array.isArray(copy)) Object.defineProperty(copy, pick(random, TEXTS), { value: copy[key], enumerable: true });
	else copy[key] = mutateJson(copy[key], random);
	return copy;
}

type Edit = (bytes: Buffer, random: Random) => Buffer;

function cut(bytes: Buffer, random: Random): [from: number, to: number] {
	const from = random.below(bytes.length + 1);
	return [from, Math.min(bytes.length, from + 1 + random.below(random.below(4) === 0 ? bytes.length : 16))];
}

function written(bytes: Buffer, random: Random, size: 1 | 2 | 4 | 8): Buffer {
	const copy = Buffer.from(bytes);
	if (copy.length < size) return copy;
	const at = random.below(copy.length - size + 1);
	const value = BigInt.asUintN(8 * size, pick(random, [0n, 1n, 127n, 128n, 255n, 256n, 65535n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, -1n]));
	for (let i = 0; i < size; i++) copy[at + i] = Number((value >> BigInt(8 * (random.state % 2 === 0 ? i : size - 1 - i))) & 255n);
	return copy;
}

const EDITS: readonly Edit[] = [
	(bytes, random) => {
		const copy = Buffer.from(bytes);
		if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
		return copy;
	},
	(bytes, random) => written(bytes, random, 1),
	(bytes, random) => written(bytes, random, pick(random, [2, 4, 8])),
	(bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
	(bytes, random) => {
		const [from, to] = cut(bytes, random);
		return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
	},
	(bytes, random) => {
		const [from, to] = cut(bytes, random);
		return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
	},
	(bytes, random) => {
		const at = random.below(bytes.length + 1);
		const added = Buffer.from(Array.from({ length: 1 + random.below(32) }, () => random.below(256)));
		return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
	},
	(bytes, random) => {
		const at = random.below(bytes.length + 1);
		return Buffer.concat([
			bytes.subarray(0, at),
			Buffer.from(pick(random, [...TEXTS, ...NUMBERS.map(String), '"', "\r\n", ",", "{", "["])),
			bytes.subarray(at),
		]);
	},
];

/** One to six edits. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
	let result = bytes;
	for (let n = 1 + random.below(random.below(4) === 0 ? 6 : 2); n > 0; n--) result = pick(random, EDITS)(result, random);
	return result;
}

/** JSON by its values or by its bytes. */
export function mutateJsonText(value: unknown, random: Random): Buffer {
	if (random.below(4) === 0) return mutateBytes(Buffer.from(JSON.stringify(value)), random);
	let changed = value;
	for (let n = 1 + random.below(3); n > 0; n--) changed = mutateJson(changed, random);
	return Buffer.from(JSON.stringify(changed) ?? "");
}
