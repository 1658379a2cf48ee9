/** What an adapter adds to each layer, ΔW = s·B·A, compared without making ΔW itself: only products of size rank × rank. */
import type { Adapter, LoraModule } from "@dak/shared/adapters";

/** Σ over rows of the products of two vectors' columns: xᵀ·y. @shape x [n,p], y [n,q] → [p,q] */
function gram(x: (row: number, column: number) => number, y: typeof x, n: number, p: number, q: number): Float64Array {
	const out = new Float64Array(p * q);
	for (let row = 0; row < n; row++) {
		for (let i = 0; i < p; i++) {
			const left = x(row, i);
			for (let j = 0; j < q; j++) out[i * q + j]! += left * y(row, j);
		}
	}
	return out;
}

/** Frobenius product of B₁A₁ and B₂A₂: ⟨B₁A₁, B₂A₂⟩ = ⟨B₁ᵀB₂, A₁A₂ᵀ⟩. Both have the same layer's shape. */
function product(one: LoraModule, two: LoraModule): number {
	const ofB = gram(
		(row, i) => one.b[row * one.r + i]!,
		(row, j) => two.b[row * two.r + j]!,
		one.outFeatures,
		one.r,
		two.r,
	);
	const ofA = gram(
		(row, i) => one.a[i * one.inFeatures + row]!,
		(row, j) => two.a[j * two.inFeatures + row]!,
		one.inFeatures,
		one.r,
		two.r,
	);
	return ofB.reduce((sum, value, i) => sum + value * ofA[i]!, 0);
}

/** ‖ΔW‖, Frobenius. */
export const normOf = (module: LoraModule, scale: number): number => scale * Math.sqrt(Math.max(0, product(module, module)));

export interface LayerComparison {
	readonly path: string;
	/** ‖ΔW‖ of each. */
	readonly norms: readonly [number, number];
	/** −1 to 1; undefined where one of them adds nothing. */
	readonly cosine: number | undefined;
}

export interface Comparison {
	readonly layers: readonly LayerComparison[];
	/** Layers that only one of them adapts, or whose shapes differ. */
	readonly onlyFirst: readonly string[];
	readonly onlySecond: readonly string[];
	/** Over all common layers as one vector. */
	readonly cosine: number | undefined;
}

const cosineOf = (inner: number, one: number, two: number): number | undefined => (one > 0 && two > 0 ? inner / (one * two) : undefined);

export function compareAdapters(first: Adapter, second: Adapter): Comparison {
	const others = new Map(second.modules.map((module) => [module.path, module]));
	const pairs = first.modules.flatMap((one) => {
		const two = others.get(one.path);
		return two && two.inFeatures === one.inFeatures && two.outFeatures === one.outFeatures ? [[one, two] as const] : [];
	});
	const common = new Set(pairs.map(([{ path }]) => path));
	let [inner, squares] = [0, [0, 0] as [number, number]];
	const layers = pairs.map(([one, two]): LayerComparison => {
		const norms = [normOf(one, first.scale), normOf(two, second.scale)] as const;
		const both = first.scale * second.scale * product(one, two);
		inner += both;
		squares = [squares[0] + norms[0] ** 2, squares[1] + norms[1] ** 2];
		return { path: one.path, norms, cosine: cosineOf(both, ...norms) };
	});
	const only = ({ modules }: Adapter) => modules.filter(({ path }) => !common.has(path)).map(({ path }) => path);
	return {
		layers,
		onlyFirst: only(first),
		onlySecond: only(second),
		cosine: cosineOf(inner, Math.sqrt(squares[0]), Math.sqrt(squares[1])),
	};
}
