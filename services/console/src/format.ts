/** Numbers and times as people read them. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value: number): string {
	let unit = 0;
	let scaled = value;
	while (scaled >= 1024 && unit < UNITS.length - 1) {
		scaled /= 1024;
		unit++;
	}
	return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${UNITS[unit]}`;
}

const whole = new Intl.NumberFormat("en");
export const count = (value: number): string => whole.format(Math.round(value));
export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

/** A loss or a cosine. */
export const fixed = (value: number | undefined, digits = 3): string =>
	value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);

export const small = (value: number): string => (value === 0 ? "0" : value >= 0.01 ? value.toFixed(3) : value.toExponential(1));

export function duration(seconds: number): string {
	if (!Number.isFinite(seconds) || seconds < 0) return "–";
	if (seconds < 10) return `${seconds.toFixed(1)} s`;
	if (seconds < 90) return `${Math.round(seconds)} s`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
	return `${(seconds / 3600).toFixed(1)} h`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const timeOf = (iso: string): string => clock.format(new Date(iso));
export const dateOf = (iso: string): string => day.format(new Date(iso));

/** What a text is called in a list. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;
