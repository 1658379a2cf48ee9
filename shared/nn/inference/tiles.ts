/**
 * Rows of a batch sorted into tiles: each tile holds rows of one adapter, so that one batched product serves any mix of
 * adapters. A tile costs its rows and a copy of its adapter's factors; the tile size weighs one against the other.
 */

/** Copying an adapter's factors into the stack takes about as long as this many rows of its products (measured at r 16). */
const COPY_COST_ROWS = 6;

export interface TilePlan {
	/** Adapter (index into what was given) of each tile. @shape [E] */
	readonly adapters: readonly number[];
	/** M. */
	readonly rowsPerTile: number;
	/** Row of each place, T for padding. @shape [E,M] */
	readonly index: BigInt64Array;
	/** Place of each row; rows without an adapter get a padding place, which is zero. @shape [T] */
	readonly pack: BigInt64Array;
}

const tilesFor = (rows: readonly number[], size: number): number => rows.reduce((sum, n) => sum + Math.ceil(n / size), 0);

/** The tile size with the least cost among each adapter's whole, half, quarter… */
function bestSize(rows: readonly number[]): number {
	let best = { size: 1, cost: Number.POSITIVE_INFINITY };
	for (const count of rows) {
		for (let size = count; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
			const cost = tilesFor(rows, size) * (size + COPY_COST_ROWS);
			if (cost < best.cost) best = { size, cost };
		}
	}
	return best.size;
}

/**
 * @param lengths tokens of each text, in the batch's order
 * @param adapterOf index of each text's adapter, -1 for the base; at least one text has an adapter
 */
export function planTiles(lengths: readonly number[], adapterOf: readonly number[]): TilePlan {
	const rowsOf = new Map<number, number[]>();
	let tokens = 0;
	let baseRows = 0;
	lengths.forEach((length, text) => {
		const adapter = adapterOf[text]!;
		if (adapter < 0) baseRows += length;
		else {
			const rows = rowsOf.get(adapter) ?? [];
			rowsOf.set(adapter, rows);
			for (let i = 0; i < length; i++) rows.push(tokens + i);
		}
		tokens += length;
	});
	const counts = [...rowsOf.values()].map((rows) => rows.length);
	const size = bestSize(counts);
	const adapterRows = counts.reduce((sum, n) => sum + n, 0);
	// Base rows need one place that is padding.
	const full = tilesFor(counts, size) * size === adapterRows;
	return fill(rowsOf, size, baseRows > 0 && full ? size + 1 : size, tokens);
}

function fill(rowsOf: ReadonlyMap<number, readonly number[]>, size: number, rowsPerTile: number, tokens: number): TilePlan {
	const tiles = [...rowsOf].flatMap(([adapter, rows]) =>
		Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => ({ adapter, rows: rows.slice(i * size, (i + 1) * size) })),
	);
	const index = new BigInt64Array(tiles.length * rowsPerTile).fill(BigInt(tokens));
	const pack = new BigInt64Array(tokens).fill(-1n);
	tiles.forEach(({ rows }, tile) => {
		rows.forEach((row, i) => {
			index[tile * rowsPerTile + i] = BigInt(row);
			pack[row] = BigInt(tile * rowsPerTile + i);
		});
	});
	const zeroPlace = BigInt(index.indexOf(BigInt(tokens)));
	for (let row = 0; row < tokens; row++) if (pack[row] === -1n) pack[row] = zeroPlace;
	return { adapters: tiles.map(({ adapter }) => adapter), rowsPerTile, index, pack };
}
