const WIDTH = 96;
const HEIGHT = 26;
const MOST = 96;

/** A curve without axes, beside its figure. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
	if (values.length < 2) return null;
	const every = Math.ceil(values.length / MOST);
	const shown = values.filter((_, i) => i % every === 0 || i === values.length - 1);
	const low = Math.min(...shown);
	const span = Math.max(...shown) - low || 1;
	const x = (i: number) => (1 + (i / (shown.length - 1)) * (WIDTH - 2)).toFixed(1);
	const y = (value: number) => (HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4)).toFixed(1);
	return (
		<svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
			<polyline points={shown.map((value, i) => `${x(i)},${y(value)}`).join(" ")} />
		</svg>
	);
}
