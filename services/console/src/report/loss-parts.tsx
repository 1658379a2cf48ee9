import { Chart } from "../parts/chart.js";

const COLORS = ["--curve-1", "--curve-2", "--curve-3", "--curve-4"] as const;

/** The loss in its parts: what each objective came to, step by step. */
export function LossParts({ curve }: { readonly curve: readonly Readonly<Record<string, number>>[] }) {
	const names = [...new Set(curve.flatMap((point) => Object.keys(point)))].filter((name) => name !== "step" && name !== "loss");
	if (names.length < 2 || curve.length < 2) return null;
	return (
		<details>
			<summary>Loss in its parts</summary>
			<Chart
				steps={curve.map(({ step }) => step!)}
				label={`Parts of the loss: ${names.join(", ")}`}
				curves={names.map((name, i) => ({
					label: name,
					values: curve.map((point) => point[name] ?? null),
					color: COLORS[i % COLORS.length]!,
				}))}
			/>
		</details>
	);
}
