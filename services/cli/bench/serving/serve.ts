/**
 * Embedding speed beside other programs: the same texts, the same number of threads, in turns in one run. Ratios of one round
 * say more than absolute figures of different ones.
 */
import { parseArgs } from "node:util";
import { COMPUTE_MODES, type ComputeMode } from "@dak/shared/nn/inference";
import { readLines } from "../texts.js";
import { EngineContender, HttpContender } from "./contenders.js";
import { wholeNumbers } from "./options.js";
import { type Contender, PeerProcess, type RoundTime } from "./peers.js";
import { median, round, summary } from "./statistics.js";

const OPTIONS = {
	base: { type: "string" },
	texts: { type: "string" },
	threads: { type: "string", default: "2" },
	batch: { type: "string", default: "32" },
	rounds: { type: "string", default: "5" },
	single: { type: "string", default: "100" },
	"max-length": { type: "string", default: "256" },
	compute: { type: "string", default: "int8,precise,fp32" },
	/** Which of them over HTTP, too. */
	http: { type: "string", default: "int8" },
	/** `name=command`, any number of times; the command gets --base, --texts, --threads, --batch, --max-length (tests/interop/embed_peer.py). */
	peer: { type: "string", multiple: true, default: [] as string[] },
	/** The contender whose vectors the others' are compared with. */
	reference: { type: "string", default: "torch" },
};

const COMPARED_TEXTS = 64;

function modes(list: string): ComputeMode[] {
	return list
		.split(",")
		.filter((one) => one !== "")
		.map((one) => {
			const mode = COMPUTE_MODES.find((known) => known === one);
			if (!mode) throw new Error(`found ${one}, allowed: ${COMPUTE_MODES.join(", ")}`);
			return mode;
		});
}

export async function benchServe(argv: readonly string[]): Promise<object> {
	const { values } = parseArgs({ args: [...argv], options: OPTIONS as never }) as unknown as {
		readonly values: Readonly<Record<string, string>> & { readonly peer: readonly string[] };
	};
	if (!values.base || !values.texts) throw new Error("--base DIR and --texts FILE are needed");
	const numbers = wholeNumbers(values as never, ["threads", "batch", "rounds", "single", "max-length"]);
	const texts = readLines(values.texts);
	const options = { base: values.base, threads: numbers.threads, batch: numbers.batch, maxLength: numbers["max-length"] };
	const passed = ["base", "texts", "threads", "batch", "max-length"].flatMap((name) => [`--${name}`, values[name]!]);
	const contenders: Contender[] = [];
	try {
		for (const one of values.peer) {
			const [name, command] = [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)];
			contenders.push(await PeerProcess.start(name, [...command.split(" "), ...passed]));
		}
		for (const compute of modes(values.compute!)) contenders.push(await EngineContender.start(compute, texts, options));
		for (const compute of modes(values.http!)) contenders.push(await HttpContender.start(compute, texts, options));
		return { ...numbers, texts: texts.length, ...(await measure(contenders, texts.length, numbers, values.reference!)) };
	} finally {
		for (const contender of contenders) await contender.stop();
	}
}

async function measure(
	contenders: readonly Contender[],
	texts: number,
	{ rounds, single }: { readonly rounds: number; readonly single: number },
	reference: string,
) {
	const times = contenders.map((): RoundTime[] => []);
	const alone = contenders.map((): number[] => []);
	for (const contender of contenders) await contender.round();
	for (let i = 0; i < rounds; i++)
		for (const [at, contender] of contenders.entries()) {
			times[at]!.push(await contender.round());
			alone[at]!.push(...(await contender.single(Math.ceil(single / rounds))));
		}
	const wanted = await contenders.find(({ name }) => name === reference)?.vectors(COMPARED_TEXTS);
	const results = [];
	for (const [at, contender] of contenders.entries()) {
		const ms = median(times[at]!.map((time) => time.ms));
		const vectors = wanted && (await contender.vectors(COMPARED_TEXTS));
		results.push({
			name: contender.name,
			texts_per_second: round((texts * 1000) / ms, 1),
			texts_per_cpu_second: round((texts * 1000) / median(times[at]!.map((time) => time.cpuMs)), 1),
			single: summary(alone[at]!),
			...(wanted && vectors && { cosine_to_reference: cosines(vectors, wanted) }),
			rounds_ms: times[at]!.map((time) => round(time.ms, 1)),
		});
	}
	return { reference, results };
}

/** Of unit vectors. */
function cosines(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]) {
	const all = a.map((vector, i) => Array.from(vector).reduce((sum, value, d) => sum + value * b[i]![d]!, 0));
	return { mean: round(all.reduce((sum, one) => sum + one, 0) / all.length, 5), least: round(Math.min(...all), 5) };
}
