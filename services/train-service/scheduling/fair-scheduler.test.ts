import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Claim, FairScheduler, MOST_OVERTAKING, PRIORITIES } from "./index.js";

const BUDGET = 100;
const claim = fc.record({
	user: fc.constantFrom("a", "b", "c"),
	priority: fc.constantFrom(...PRIORITIES),
	bytes: fc.integer({ min: 1, max: BUDGET }),
});
/** What happens to a scheduler: a job comes, one that runs ends, one that waits is taken out. */
const event = fc.oneof(
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), claim }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), pick: fc.nat() }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), pick: fc.nat() }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Plays events, starting all that may start after each; `onStart` sees who waited when a job started. */
class Play {
	readonly claims = new Map<number, Claim>();
	readonly waiting = new Set<number>();
	readonly running = new Set<number>();
	readonly started: number[] = [];
	readonly scheduler: FairScheduler<number>;

	constructor(
		readonly maxJobs: number,
		private readonly onStart: (id: number, play: Play) => void = () => {},
	) {
		this.scheduler = new FairScheduler({ maxJobs, budgetBytes: BUDGET });
	}

	apply(event: Event): void {
		if (event.kind === "add") this.add(event.claim);
		else if (event.kind === "end") this.end(event.pick);
		else if (this.waiting.size > 0) {
			const id = [...this.waiting][event.pick % this.waiting.size]!;
			expect(this.scheduler.remove(id)).toBe(true);
			this.waiting.delete(id);
		}
		this.start();
	}

	add(claim: Claim): void {
		const id = this.claims.size;
		this.claims.set(id, claim);
		this.waiting.add(id);
		this.scheduler.add(id, claim);
	}

	end(pick = 0): void {
		if (this.running.size === 0) return;
		const id = [...this.running][pick % this.running.size]!;
		this.running.delete(id);
		this.scheduler.finished(id);
	}

	start(): void {
		for (let id = this.scheduler.next(); id !== undefined; id = this.scheduler.next()) {
			this.onStart(id, this);
			expect(this.waiting.delete(id)).toBe(true);
			this.running.add(id);
			this.started.push(id);
		}
	}

	get held(): number {
		return [...this.running].reduce((sum, id) => sum + this.claims.get(id)!.bytes, 0);
	}
}

const events = fc.array(event, { maxLength: 60 });
const maxJobs = fc.integer({ min: 1, max: 4 });

describe("whatever happens", () => {
	test("jobs hold no more than the budget, are no more than allowed, and each starts once", () => {
		fc.assert(
			fc.property(events, maxJobs, (all, most) => {
				const play = new Play(most);
				for (const event of all) {
					play.apply(event);
					expect(play.held).toBeLessThanOrEqual(BUDGET);
					expect(play.scheduler.heldBytes).toBe(play.held);
					expect(play.running.size).toBeLessThanOrEqual(most);
				}
				expect(new Set(play.started).size).toBe(play.started.length);
			}),
		);
	});

	test("every job that is not taken out starts in the end", () => {
		fc.assert(
			fc.property(events, maxJobs, (all, most) => {
				const play = new Play(most);
				for (const event of all) play.apply(event);
				for (let turns = play.claims.size; turns > 0; turns--) {
					play.end();
					play.start();
				}
				expect(play.waiting.size).toBe(0);
			}),
		);
	});

	test("a job never starts before one of a higher priority that would fit and is its user's first", () => {
		const higher = (id: number, play: Play) => {
			const free = BUDGET - play.held;
			const mine = play.claims.get(id)!;
			for (const other of play.waiting) {
				const theirs = play.claims.get(other)!;
				const first = [...play.waiting].find(
					(w) => play.claims.get(w)!.user === theirs.user && play.claims.get(w)!.priority === theirs.priority,
				);
				if (first !== other || theirs.bytes > free) continue;
				expect(PRIORITIES.indexOf(mine.priority)).toBeLessThanOrEqual(PRIORITIES.indexOf(theirs.priority));
			}
		};
		fc.assert(
			fc.property(events, maxJobs, (all, most) => {
				const play = new Play(most, higher);
				for (const event of all) play.apply(event);
			}),
		);
	});

	test("no job that is first in turn is overtaken more often than allowed, however many small ones come", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 2, max: BUDGET }),
				fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 30, maxLength: 60 }),
				(large, small) => {
					const play = new Play(4);
					play.add({ user: "small", priority: "normal", bytes: BUDGET - large + 1 });
					play.start();
					play.add({ user: "large", priority: "normal", bytes: large });
					for (const bytes of small) {
						play.add({ user: "small", priority: "normal", bytes });
						play.start();
						// Whatever came last ends first: the oldest small job holds on as long as it can.
						if (play.running.size > 1) play.end(play.running.size - 1);
					}
					expect(play.started.length - 1).toBeLessThanOrEqual(MOST_OVERTAKING);
					play.end();
					play.start();
					expect(play.running).toContain(1);
				},
			),
		);
	});
});

test("one user's hundred jobs do not hold up another's one", () => {
	const play = new Play(1);
	for (let i = 0; i < 100; i++) play.add({ user: "a", priority: "normal", bytes: 1 });
	play.start();
	play.add({ user: "b", priority: "normal", bytes: 1 });
	play.end();
	play.start();
	expect(play.started).toEqual([0, 100]);
});

test("users take turns while both have jobs waiting", () => {
	const play = new Play(1);
	for (const user of ["a", "a", "a", "b", "b", "c"]) play.add({ user, priority: "normal", bytes: 1 });
	for (let i = 0; i < 6; i++) {
		play.start();
		play.end();
	}
	expect(play.started.map((id) => play.claims.get(id)!.user)).toEqual(["a", "b", "c", "a", "b", "a"]);
});

test("a claim over the budget is refused", () => {
	expect(() => new FairScheduler({ maxJobs: 1, budgetBytes: 10 }).add("x", { user: "", priority: "normal", bytes: 11 })).toThrow("budget");
});
