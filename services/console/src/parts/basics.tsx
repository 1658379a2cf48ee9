/** Small pieces that every page is made of. */
import type { ComponentChildren } from "preact";
import { dateOf } from "../format.js";

const TONE: Readonly<Record<string, string>> = {
	succeeded: "good",
	improved: "good",
	failed: "bad",
	regressed: "bad",
	cancelled: "rest",
	paused: "rest",
	queued: "wait",
	interrupted: "wait",
	no_change: "wait",
	unverified: "wait",
};

/** A state or a verdict; its colour is never all that tells. */
export function Badge({ state }: { readonly state: string }) {
	return <span class={`badge ${TONE[state] ?? "live"}`}>{state.replaceAll("_", " ")}</span>;
}

export function Failure({ children }: { readonly children: ComponentChildren }) {
	return (
		<p class="notice bad" role="alert">
			{children}
		</p>
	);
}

export function Bar({ value, max, label }: { readonly value: number; readonly max: number; readonly label: string }) {
	return <progress value={value} max={Math.max(max, 1)} aria-label={label} />;
}

/** A row of named figures. */
export function Figures({ items }: { readonly items: readonly (readonly [name: string, value: ComponentChildren])[] }) {
	return (
		<dl class="figures">
			{items.map(([name, value]) => (
				<div key={name}>
					<dt>{name}</dt>
					<dd>{value}</dd>
				</div>
			))}
		</dl>
	);
}

export function Empty({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
	return (
		<div class="empty">
			<h2>{title}</h2>
			{children}
		</div>
	);
}

export const Loading = () => (
	<p class="mute" role="status">
		Asking …
	</p>
);

export function Created({ at }: { readonly at: string | undefined }) {
	return at === undefined ? null : <time dateTime={at}>{dateOf(at)}</time>;
}
