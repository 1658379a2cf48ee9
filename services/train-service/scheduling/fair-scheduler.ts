/**
 * Which waiting job starts next: by priority, then by turns between users, then by arrival. Never more memory than the budget,
 * and nobody waits for ever: jobs that fit may overtake one that does not, but only so often; then memory is left free for it.
 */
import { assert } from "@dak/shared/errors";

/** Highest first. */
export const PRIORITIES = ["high", "normal", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** What a job asks for. */
export interface Claim {
	/** Users take turns; "" is one like any other. */
	readonly user: string;
	readonly priority: Priority;
	/** At most the budget. */
	readonly bytes: number;
}

export interface Limits {
	readonly maxJobs: number;
	readonly budgetBytes: number;
}

interface Waiting<Id> {
	readonly id: Id;
	readonly claim: Claim;
	/** Jobs that started before it though it was their turn's first. */
	overtaken: number;
}

/** Jobs that may start before one that does not fit yet. */
export const MOST_OVERTAKING = 4;

export class FairScheduler<Id> {
	/** In order of arrival. */
	readonly #waiting: Waiting<Id>[] = [];
	readonly #running = new Map<Id, number>();
	/** By priority and user: the number of the start that the user had last. */
	readonly #turns = new Map<string, number>();
	#starts = 0;

	constructor(private limits: Limits) {}

	get waiting(): number {
		return this.#waiting.length;
	}

	get running(): number {
		return this.#running.size;
	}

	/** Memory that running jobs hold by their claims. */
	get heldBytes(): number {
		return [...this.#running.values()].reduce((sum, bytes) => sum + bytes, 0);
	}

	/** Whether a job waits. */
	waits(id: Id): boolean {
		return this.#waiting.some((waiting) => waiting.id === id);
	}

	/** What a running job holds; 0 for one that does not run. */
	heldBy(id: Id): number {
		return this.#running.get(id) ?? 0;
	}

	setMaxJobs(maxJobs: number): void {
		this.limits = { ...this.limits, maxJobs };
	}

	/** @throws (assertion) for a claim that no empty device could meet, or a job that is known */
	add(id: Id, claim: Claim): void {
		assert(claim.bytes <= this.limits.budgetBytes, `a claim of ${claim.bytes} bytes, the budget is ${this.limits.budgetBytes}`);
		assert(!this.#running.has(id) && !this.waits(id), "the job waits or runs already");
		this.#waiting.push({ id, claim, overtaken: 0 });
	}

	/** Takes a waiting job out; false if it does not wait. */
	remove(id: Id): boolean {
		const at = this.#waiting.findIndex((waiting) => waiting.id === id);
		if (at >= 0) this.#waiting.splice(at, 1);
		return at >= 0;
	}

	/** The job that starts now, from here on running; undefined where none may. */
	next(): Id | undefined {
		if (this.#running.size >= this.limits.maxJobs) return undefined;
		const free = this.limits.budgetBytes - this.heldBytes;
		const passed: Waiting<Id>[] = [];
		for (const candidate of this.#inTurn()) {
			if (candidate.claim.bytes <= free) return this.#start(candidate, passed);
			// What comes free is kept for it from now on.
			if (candidate.overtaken >= MOST_OVERTAKING) return undefined;
			passed.push(candidate);
		}
		return undefined;
	}

	/** A running job has ended, or was put back. */
	finished(id: Id): void {
		this.#running.delete(id);
	}

	#start(chosen: Waiting<Id>, passed: readonly Waiting<Id>[]): Id {
		for (const waiting of passed) waiting.overtaken++;
		this.remove(chosen.id);
		this.#running.set(chosen.id, chosen.claim.bytes);
		this.#turns.set(turnKey(chosen.claim), ++this.#starts);
		return chosen.id;
	}

	/** Each user's first job of each priority; within a priority, who started longest ago comes first. */
	#inTurn(): Waiting<Id>[] {
		const firsts = new Map<string, Waiting<Id>>();
		for (const waiting of this.#waiting) {
			const key = turnKey(waiting.claim);
			if (!firsts.has(key)) firsts.set(key, waiting);
		}
		const rank = ({ claim }: Waiting<Id>) => PRIORITIES.indexOf(claim.priority);
		const turn = ({ claim }: Waiting<Id>) => this.#turns.get(turnKey(claim)) ?? 0;
		// The sort is stable: among users that never had a turn, arrival decides.
		return [...firsts.values()].sort((a, b) => rank(a) - rank(b) || turn(a) - turn(b));
	}
}

const turnKey = ({ priority, user }: Claim): string => `${priority} ${user}`;
