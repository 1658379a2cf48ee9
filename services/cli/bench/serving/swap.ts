/**
 * New generations under full load: clients embed with a few adapters without pause, while one adapter after the other gets a
 * new generation. Every vector is compared with the one computed apart for the generation that the response names. Phases
 * without swaps, in turns with the others, say what the load alone costs.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ComputeMode } from "@dak/shared/nn/inference";
import { readLines } from "../texts.js";
import { wholeNumbers } from "./options.js";
import { ServedEmbed } from "./served.js";
import { round, summary } from "./statistics.js";
import { gapTo, makeVariants, type Variant } from "./variants.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	compute: { type: "string", default: "int8" },
	threads: { type: "string", default: "2" },
	/** Of all phases together. */
	seconds: { type: "string", default: "600" },
	phases: { type: "string", default: "10" },
	"swaps-per-minute": { type: "string", default: "60" },
	clients: { type: "string", default: "8" },
	"texts-per-request": { type: "string", default: "4" },
	"merged-mb": { type: "string", default: "256" },
} as const;

const NAMES = ["first", "second", "third", "fourth"];
const VARIANTS = 6;
const TEXTS = 64;
/** Far below what tells two adapters apart, far above what one text's vector may depend on its batch. */
const TOLERANCE = 1e-4;

interface Served {
	readonly name: string;
	readonly generation: number;
	readonly text: number;
	readonly vector: readonly number[];
}

/** Compares answers with what was computed apart, once it is known what a generation was made of. */
class Checker {
	readonly #made = new Map<string, number>();
	#waiting: Served[] = [];
	checked = 0;
	wrong = 0;
	largestGap = 0;

	constructor(private readonly variants: readonly Variant[]) {}

	generationIs(name: string, generation: number, variant: number): void {
		this.#made.set(`${name}@${generation}`, variant);
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const served of waiting) this.check(served);
	}

	check(served: Served): void {
		const variant = this.#made.get(`${served.name}@${served.generation}`);
		if (variant === undefined) {
			this.#waiting.push(served);
			return;
		}
		const gap = gapTo(served.vector, this.variants[variant]!.vectors[served.text]!);
		this.checked++;
		this.largestGap = Math.max(this.largestGap, gap);
		if (!(gap <= TOLERANCE)) this.wrong++;
	}

	/** Answers that named a generation which nobody made. */
	get unknown(): number {
		return this.#waiting.length;
	}
}

export async function benchSwap(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS });
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const numbers = wholeNumbers(values, ["threads", "seconds", "phases", "swaps-per-minute", "clients", "texts-per-request", "merged-mb"]);
	const texts = readLines(values.texts).slice(0, TEXTS);
	const variants = await makeVariants(values.base, values.compute as ComputeMode, VARIANTS, texts);
	const service = await ServedEmbed.start(
		values.base,
		{
			DAK_COMPUTE: values.compute,
			DAK_THREADS: values.threads,
			DAK_ADAPTER_MERGED_MB: values["merged-mb"],
		},
		(_, root) => {
			for (const [i, variant] of variants.entries()) variant.write(join(root, "variants", `${i}`));
		},
	);
	try {
		return { engine: "domain-adapter-kit", compute: values.compute, ...numbers, ...(await run(service, variants, texts, numbers)) };
	} finally {
		await service.stop();
	}
}

type Numbers = Readonly<Record<"seconds" | "phases" | "swaps-per-minute" | "clients" | "texts-per-request", number>>;

async function run(service: ServedEmbed, variants: readonly Variant[], texts: readonly string[], numbers: Numbers) {
	const checker = new Checker(variants);
	const failures = new Map<string, number>();
	const times = { quiet: [] as number[], swapping: [] as number[] };
	const loads: number[] = [];
	let phase: keyof typeof times = "quiet";
	let ending = false;
	let turn = 0;
	const fail = (what: string) => failures.set(what, (failures.get(what) ?? 0) + 1);

	const swap = async () => {
		const [name, variant] = [NAMES[turn % NAMES.length]!, (turn * 5 + Math.floor(turn / NAMES.length)) % variants.length];
		turn++;
		const { status, body, ms } = await service.post("/v1/adapters", { name, source: { path: `variants/${variant}` } });
		if (status >= 300) return fail(`load ${status}`);
		loads.push(ms);
		checker.generationIs(name, JSON.parse(body.toString()).generation, variant);
	};

	const client = async (seed: number) => {
		for (let i = seed; !ending; i += 7) {
			const name = NAMES[i % NAMES.length]!;
			const chosen = Array.from({ length: numbers["texts-per-request"] }, (_, at) => (i * 13 + at * 29) % texts.length);
			const during = phase;
			try {
				const { status, headers, body, ms } = await service.post("/embed", { inputs: chosen.map((text) => texts[text]), adapter: name });
				if (status !== 200) {
					fail(`embed ${status}`);
					continue;
				}
				if (during === phase) times[phase].push(ms);
				const [served, generation] = String(headers["x-dak-adapter"]).split("@");
				if (served !== name) fail(`asked for ${name}, got ${served}`);
				const vectors = JSON.parse(body.toString()) as number[][];
				chosen.forEach((text, at) => {
					checker.check({ name, generation: Number(generation), text, vector: vectors[at]! });
				});
			} catch (error) {
				fail((error as Error).message);
			}
		}
	};

	for (const _ of NAMES) await swap();
	const clients = Array.from({ length: numbers.clients }, (_, i) => client(i));
	const phaseMs = (numbers.seconds * 1000) / numbers.phases;
	const started = performance.now();
	for (let i = 0; i < numbers.phases; i++) {
		phase = i % 2 === 0 ? "quiet" : "swapping";
		const until = performance.now() + phaseMs;
		while (performance.now() < until) {
			const next = performance.now() + 60_000 / numbers["swaps-per-minute"];
			if (phase === "swapping") await swap();
			await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(next, until) - performance.now())));
		}
	}
	const seconds = (performance.now() - started) / 1000;
	ending = true;
	await Promise.all(clients);
	const [quiet, swapping] = [summary(times.quiet), summary(times.swapping)];
	return {
		swaps: turn - NAMES.length,
		requests: times.quiet.length + times.swapping.length,
		texts_per_second: round(checker.checked / seconds, 1),
		failed: Object.fromEntries(failures),
		vectors_checked: checker.checked,
		vectors_wrong: checker.wrong,
		generations_unknown: checker.unknown,
		largest_gap: checker.largestGap,
		quiet,
		swapping,
		p99_ratio: round(swapping.p99_ms / quiet.p99_ms, 2),
		load: summary(loads),
		rss_mb: service.rssMb(),
	};
}
