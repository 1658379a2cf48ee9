/** Other programs that embed, each in a process of its own, told what to do line by line: so all can take turns in one run. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

export interface RoundTime {
	readonly ms: number;
	/** Of all processors together. */
	readonly cpuMs: number;
}

/** Something that embeds the bench's texts. */
export interface Contender {
	readonly name: string;
	/** All texts once. */
	round(): Promise<RoundTime>;
	/** Milliseconds of each of `count` texts, alone. */
	single(count: number): Promise<readonly number[]>;
	/** Unit vectors of the first texts. */
	vectors(count: number): Promise<readonly ArrayLike<number>[]>;
	stop(): Promise<void>;
}

export class PeerProcess implements Contender {
	readonly #lines: AsyncIterator<string>;
	readonly #reader: Interface;

	private constructor(
		readonly name: string,
		private readonly child: ChildProcess,
	) {
		this.#reader = createInterface({ input: child.stdout! });
		this.#lines = this.#reader[Symbol.asyncIterator]();
	}

	/** @param command program and arguments; it says when it is ready */
	static async start(name: string, [program, ...args]: readonly string[]): Promise<PeerProcess> {
		const child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit"] });
		const failed = new Promise<never>((_, reject) => child.on("error", reject));
		const peer = new PeerProcess(name, child);
		await Promise.race([peer.#answer(), failed]);
		return peer;
	}

	async round(): Promise<RoundTime> {
		const { ms, cpu_ms } = (await this.#ask("round")) as { readonly ms: number; readonly cpu_ms: number };
		return { ms, cpuMs: cpu_ms };
	}

	async single(count: number): Promise<readonly number[]> {
		return ((await this.#ask(`single ${count}`)) as { readonly times_ms: number[] }).times_ms;
	}

	async vectors(count: number): Promise<readonly number[][]> {
		return ((await this.#ask(`vectors ${count}`)) as { readonly vectors: number[][] }).vectors;
	}

	async stop(): Promise<void> {
		const ended = new Promise((resolve) => this.child.once("exit", resolve));
		this.child.stdin!.end();
		await ended;
	}

	#ask(command: string): Promise<unknown> {
		this.child.stdin!.write(`${command}\n`);
		return this.#answer();
	}

	/** The next line that is JSON: libraries print warnings on stdout, too. */
	async #answer(): Promise<unknown> {
		for (;;) {
			const { value, done } = await this.#lines.next();
			if (done) throw new Error(`${this.name} has ended`);
			if (value.startsWith("{")) return JSON.parse(value);
		}
	}
}
