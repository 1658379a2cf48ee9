import type { Dataset, Histogram, Statistics } from "../api/types.js";
import { bytes, count, percent, plural } from "../format.js";
import { Figures } from "../parts/basics.js";

/** What was found in the file. */
export function Preview({ dataset: { filename, bytes: size, statistics } }: { readonly dataset: Dataset }) {
	const { texts, sample, warnings, tokens, languages } = statistics;
	return (
		<section class="card" aria-labelledby="preview-title">
			<div class="title small">
				<h2 id="preview-title">{plural(texts, "text")}</h2>
				<span class="mute">
					{filename}, {bytes(size)}
				</span>
			</div>
			{warnings.map((warning) => (
				<p key={warning} class="notice wait">
					{warning}
				</p>
			))}
			<Figures items={figuresOf(statistics)} />
			<div class="halves">
				<div>
					<h3>As they are read</h3>
					<ol class="texts">
						{sample.slice(0, 8).map((text) => (
							<li key={text} dir="auto">
								{text}
							</li>
						))}
					</ol>
				</div>
				<div>
					{tokens && (
						<>
							<h3>Length in tokens</h3>
							<Lengths bins={tokens.histogram} />
						</>
					)}
					{languages.length > 0 && (
						<p class="mute">
							Languages:{" "}
							{languages
								.slice(0, 4)
								.map(({ language, share }) => `${nameOf(language)} ${percent(share)}`)
								.join(", ")}
						</p>
					)}
				</div>
			</div>
		</section>
	);
}

function figuresOf(statistics: Statistics): readonly (readonly [string, string])[] {
	const {
		records,
		duplicates_removed,
		near_duplicates_removed,
		blank_removed,
		too_long_removed,
		too_short_removed,
		split,
		tokens,
		characters,
	} = statistics;
	const all: readonly (readonly [string, string, boolean?])[] = [
		["Records read", count(records)],
		["Equal ones left out", count(duplicates_removed)],
		["Near-equal ones left out", count(near_duplicates_removed), near_duplicates_removed > 0],
		["Blank", count(blank_removed), blank_removed > 0],
		["Too long", count(too_long_removed), too_long_removed > 0],
		["Too short", count(too_short_removed), too_short_removed > 0],
		["Split at sentences", count(split.texts), split.texts > 0],
		["Characters", `${count(characters.p50)} in the middle, ${count(characters.max)} at most`],
		...(tokens
			? ([
					["Tokens", `${count(tokens.p50)} in the middle, ${count(tokens.max)} at most`],
					["Cut in training", count(tokens.over_limit), tokens.over_limit > 0],
					["Unknown to the base", percent(tokens.unknown_rate)],
				] as const)
			: []),
	];
	return all.filter(([, , shown = true]) => shown).map(([name, value]) => [name, value] as const);
}

const WIDTH = 320;
const HEIGHT = 96;
const MOST_WIDE = 40;

function Lengths({ bins }: { readonly bins: readonly Histogram[] }) {
	const most = Math.max(1, ...bins.map(({ texts }) => texts));
	const step = WIDTH / Math.max(1, bins.length);
	const wide = Math.min(MOST_WIDE, Math.max(1, step - 2));
	const words = bins.map(({ to, texts }) => `up to ${to}: ${texts}`).join(", ");
	return (
		<svg class="bars" viewBox={`0 0 ${WIDTH} ${HEIGHT + 16}`} role="img" aria-label={`Texts by length in tokens: ${words}`}>
			{bins.map(({ to, texts }, i) => {
				const height = (texts / most) * HEIGHT;
				return (
					<g key={to}>
						<rect x={(i + 0.5) * step - wide / 2} y={HEIGHT - height} width={wide} height={height} rx="2" />
						{(bins.length <= 10 || i % 2 === 1) && (
							<text x={(i + 0.5) * step} y={HEIGHT + 13}>
								≤{to}
							</text>
						)}
					</g>
				);
			})}
		</svg>
	);
}

const names = new Intl.DisplayNames("en", { type: "language" });
const nameOf = (code: string): string => (code === "und" ? "not told" : (names.of(code) ?? code));
