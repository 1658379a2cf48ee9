/** The calls that the demo makes, as any application would make them. */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";

/** Texts in one embed request. */
const BATCH = 64;

/** What an error's body says: `detail` of a problem (RFC 9457), `error` in embed-service's form. */
function reasonIn(body: string): string {
	try {
		const { detail, error } = JSON.parse(body) as { detail?: string; error?: string };
		return detail ?? error ?? body.slice(0, 300);
	} catch {
		return body.slice(0, 300);
	}
}

async function answer(response: Response): Promise<unknown> {
	const body = await response.text();
	if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}: ${reasonIn(body)}`);
	return JSON.parse(body);
}

export async function getJson<T>(url: string): Promise<T> {
	return (await answer(await fetch(url))) as T;
}

export async function postJson<T>(url: string, body: unknown): Promise<T> {
	return (await answer(
		await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
	)) as T;
}

export interface Uploaded {
	readonly id: string;
	readonly statistics: { readonly texts: number; readonly characters: { readonly mean: number } };
}

/** Uploads a file as it is; its name says the format. */
export async function upload(url: string, file: string): Promise<Uploaded> {
	const body = Readable.toWeb(createReadStream(file)) as ReadableStream;
	const init: RequestInit & { duplex: "half" } = {
		method: "POST",
		headers: { "content-type": "application/octet-stream" },
		body,
		duplex: "half",
	};
	return (await answer(await fetch(`${url}/v1/datasets?filename=${encodeURIComponent(basename(file))}`, init))) as Uploaded;
}

/** Unit vectors of many texts, in order. @shape → rows of D */
export async function embedAll(url: string, texts: readonly string[], adapter?: string): Promise<Float32Array> {
	const rows: number[][] = [];
	for (let i = 0; i < texts.length; i += BATCH) {
		rows.push(
			...(await postJson<number[][]>(`${url}/embed`, {
				inputs: texts.slice(i, i + BATCH),
				truncate: true,
				...(adapter ? { adapter } : {}),
			})),
		);
	}
	return Float32Array.from(rows.flat());
}

/** The first value of a metric in Prometheus' text format, by its name without labels. */
export function metricValue(text: string, name: string): number | undefined {
	const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `) || candidate.startsWith(`${name}{`));
	return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}

/** Names of the product's own metrics in Prometheus' text format. */
export const metricNames = (text: string): Set<string> => new Set([...text.matchAll(/^# TYPE (dak_\w+)/gm)].map((match) => match[1]!));
