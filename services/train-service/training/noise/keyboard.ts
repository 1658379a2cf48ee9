/** Which keys lie beside which: slips of the fingers, in the layouts of Latin (QWERTY) and Cyrillic (ЙЦУКЕН) texts. */

const LAYOUTS: readonly (readonly string[])[] = [
	["1234567890-", "qwertyuiop[", "asdfghjkl;'", "zxcvbnm,./"],
	["1234567890-", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."],
];

/** Each row stands about half a key to the right of the one above: a key touches two there and two below. */
function neighboursIn(rows: readonly string[], row: number, column: number): string[] {
	const at = (r: number, c: number) => rows[r]?.[c];
	const keys = [
		at(row, column - 1),
		at(row, column + 1),
		at(row - 1, column),
		at(row - 1, column + 1),
		at(row + 1, column - 1),
		at(row + 1, column),
	];
	return keys.filter((key) => key !== undefined);
}

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;

function neighbourTable(): Map<string, readonly string[]> {
	const table = new Map<string, readonly string[]>();
	for (const rows of LAYOUTS) {
		rows.forEach((keys, row) => {
			[...keys].forEach((key, column) => {
				// A digit slips into a digit and a letter into a letter: a wrong kind is noticed at once.
				const kind = /\d/.test(key) ? /\d/ : /\p{L}/u;
				const near = neighboursIn(rows, row, column).filter((other) => kind.test(other));
				if (LETTER_OR_DIGIT.test(key) && !table.has(key)) table.set(key, near);
			});
		});
	}
	table.set("ё", ["е", "й"]);
	return table;
}

const NEIGHBOURS = neighbourTable();

/** The keys beside a character's, in its own case; none for what is on neither layout. */
export function neighbours(character: string): readonly string[] {
	const lower = character.toLowerCase();
	const near = NEIGHBOURS.get(lower) ?? [];
	return character === lower ? near : near.map((key) => key.toUpperCase());
}
