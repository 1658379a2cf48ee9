/** Two texts and a list, under two adapters side by side. */
import { useEffect, useRef, useState } from "preact/hooks";
import { listAdapters, similarity } from "../api/calls.js";
import { wordsOf } from "../api/http.js";
import { usePolled } from "../live/use-polled.js";
import { Failure } from "../parts/basics.js";
import { onSubmit } from "../parts/on-submit.js";
import { type Compared, SideBySide } from "../playground/side-by-side.js";

const EXAMPLE = "stainless hex bolt M8\nzinc wood screw 4x40\nrubber o-ring 20 mm\nball valve DN15 brass\nhexagon head screw A2 M8";

export function PlaygroundPage({ first }: { readonly first: string | undefined }) {
	const { value: adapters, error: listError } = usePolled(listAdapters);
	const [sides, setSides] = useState<readonly [string, string]>(["", first ?? ""]);
	const [texts, setTexts] = useState<readonly [string, string]>(["hex bolt M8 stainless", "hexagon head screw A2 M8"]);
	const [list, setList] = useState(EXAMPLE);
	const { compared, error, busy, compare } = useComparison();

	// Nobody has chosen yet: the base beside the first adapter says most.
	const chosen = useRef(first !== undefined);
	useEffect(() => {
		if (!chosen.current && adapters?.[0]) setSides(["", adapters[0].name]);
	}, [adapters]);
	const choose = (side: 0 | 1, name: string) => {
		chosen.current = true;
		setSides((before) => (side === 0 ? [name, before[1]] : [before[0], name]));
	};

	const names = ["", ...new Set([...(adapters ?? []).map(({ name }) => name), ...sides.filter((name) => name !== "")])];
	return (
		<section>
			<h1>Playground</h1>
			{listError !== undefined && <Failure>{listError}</Failure>}
			<form class="card" onSubmit={onSubmit(() => void compare(sides, texts, list))}>
				<div class="halves">
					<Choice label="Left" value={sides[0]} names={names} onChange={(name) => choose(0, name)} />
					<Choice label="Right" value={sides[1]} names={names} onChange={(name) => choose(1, name)} />
					<label>
						Text, and query of the list
						<input required value={texts[0]} onInput={(event) => setTexts([event.currentTarget.value, texts[1]])} />
					</label>
					<label>
						Second text
						<input required value={texts[1]} onInput={(event) => setTexts([texts[0], event.currentTarget.value])} />
					</label>
				</div>
				<label>
					List to rank, a text a line
					<textarea rows={6} value={list} onInput={(event) => setList(event.currentTarget.value)} />
				</label>
				<div class="actions">
					<button type="submit" class="primary" disabled={busy}>
						{busy ? "Comparing …" : "Compare"}
					</button>
				</div>
			</form>
			{error !== undefined && <Failure>{error}</Failure>}
			{compared && <SideBySide compared={compared} />}
		</section>
	);
}

interface ChoiceProps {
	readonly label: string;
	readonly value: string;
	readonly names: readonly string[];
	readonly onChange: (name: string) => void;
}

function Choice({ label, value, names, onChange }: ChoiceProps) {
	return (
		<label>
			{label}
			<select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
				{names.map((name) => (
					<option key={name} value={name}>
						{name === "" ? "base, no adapter" : name}
					</option>
				))}
			</select>
		</label>
	);
}

function useComparison() {
	const [found, setFound] = useState<{ compared?: Compared; error?: string; busy: boolean }>({ busy: false });
	const compare = async (sides: readonly [string, string], [source, second]: readonly [string, string], list: string) => {
		const lines = [...new Set(list.split("\n").map((line) => line.trim()))].filter((line) => line !== "");
		setFound((before) => ({ ...before, busy: true }));
		try {
			const [left, right] = await Promise.all(sides.map((adapter) => similarity(source, [second, ...lines], adapter)));
			setFound({ compared: { source, second, lines, left: left!, right: right! }, busy: false });
		} catch (error) {
			setFound({ error: wordsOf(error), busy: false });
		}
	};
	return { ...found, compare };
}
