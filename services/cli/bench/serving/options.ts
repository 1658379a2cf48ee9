/** Whole numbers out of a bench's options. @throws for one that is none */
export function wholeNumbers<K extends string>(
	values: Readonly<Record<string, string | boolean | undefined>>,
	names: readonly K[],
): Record<K, number> {
	return Object.fromEntries(
		names.map((name) => {
			const value = Number(values[name]);
			if (!Number.isInteger(value) || value < 0) throw new Error(`--${name}: found ${values[name]}, allowed: a whole number`);
			return [name, value];
		}),
	) as Record<K, number>;
}
