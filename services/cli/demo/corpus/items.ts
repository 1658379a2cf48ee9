/** A part, and how its facts are put into words. */
import type { Random } from "@dak/shared/nn";
import type { Family, Spellings } from "./families.js";

export interface Item {
	readonly family: Family;
	readonly brand: string;
	readonly code: string;
	readonly values: readonly { readonly spellings: Spellings; readonly optional: boolean }[];
}

export const oneOf = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;

/** The catalogue's spelling with probability `house`, otherwise another one where there is one. */
export function spell(random: Random, spellings: Spellings, house: number): string {
	if (spellings.length === 1 || random.next() < house) return spellings[0]!;
	return spellings[1 + random.below(spellings.length - 1)]!;
}

/** The house catalogue: noun first, all features in a fixed order, brand, part number. */
export function catalogueTitle({ family, brand, code, values }: Item): string {
	return `${family.nouns[0]} ${values.map(({ spellings }) => spellings[0]).join(", ")} - ${brand} ${code}`;
}

/** A letter lost in typing, or two that changed places. */
export function slip(random: Random, text: string): string {
	const at = 1 + random.below(Math.max(1, text.length - 2));
	const [a, b] = [text[at]!, text[at + 1] ?? ""];
	if (!/[a-z]/i.test(a)) return text;
	return text.slice(0, at) + (/[a-z]/i.test(b) && random.next() < 0.5 ? b + a + text.slice(at + 2) : text.slice(at + 1));
}
