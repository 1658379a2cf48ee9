/** Requests that arrive when they arrive, whether those before are answered or not: only so does a queue show. */
import type { ServedEmbed } from "./served.js";
import { round, summary } from "./statistics.js";

export interface Outcome {
	readonly ms: number;
	readonly status: number;
	readonly retryAfter: boolean;
}

export interface Load {
	/** Requests a second. */
	readonly rate: number;
	readonly seconds: number;
	readonly body: (i: number) => unknown;
}

/** Sends at exponentially distributed distances; waits for all answers. A request that fails has the status 0. */
export async function sendAt(service: ServedEmbed, { rate, seconds, body }: Load): Promise<Outcome[]> {
	const outcomes: Promise<Outcome>[] = [];
	const started = performance.now();
	let due = started;
	for (let i = 0; due < started + seconds * 1000; i++) {
		due += (-Math.log(1 - Math.random()) * 1000) / rate;
		const wait = due - performance.now();
		if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
		outcomes.push(one(service, body(i), performance.now() - due));
	}
	return Promise.all(outcomes);
}

/** @param late how long after its time it is sent, which counts as waiting */
async function one(service: ServedEmbed, body: unknown, late: number): Promise<Outcome> {
	try {
		const { status, headers, ms } = await service.post("/embed", body);
		return { ms: ms + Math.max(0, late), status, retryAfter: headers["retry-after"] !== undefined };
	} catch {
		return { ms: Number.NaN, status: 0, retryAfter: false };
	}
}

/** What became of them. */
export function outcomesOf(outcomes: readonly Outcome[], seconds: number) {
	const answered = outcomes.filter(({ status }) => status === 200);
	const refused = outcomes.filter(({ status }) => status === 429);
	return {
		sent: outcomes.length,
		answered_per_second: round(answered.length / seconds, 1),
		answered: summary(answered.map(({ ms }) => ms)),
		refused: refused.length,
		refused_p99_ms: summary(refused.map(({ ms }) => ms)).p99_ms,
		refused_without_retry_after: refused.filter(({ retryAfter }) => !retryAfter).length,
		failed: outcomes.length - answered.length - refused.length,
	};
}

/** Requests a second that `clients` get answered which each send the next one when they have their answer. */
export async function capacityOf(service: ServedEmbed, clients: number, seconds: number, body: (i: number) => unknown): Promise<number> {
	const until = performance.now() + seconds * 1000;
	let [next, answered] = [0, 0];
	const client = async () => {
		while (performance.now() < until) {
			const { status } = await service.post("/embed", body(next++));
			if (status === 200) answered++;
		}
	};
	await Promise.all(Array.from({ length: clients }, client));
	return answered / seconds;
}
