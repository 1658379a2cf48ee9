/** `npm run bench -- NAME …`: each benchmark prints one JSON line on stdout. */
import { benchData } from "./data.js";
import { benchEmbed } from "./embed.js";
import { benchEstimate } from "./estimate.js";
import { benchGpu } from "./gpu/index.js";
import { benchQuality } from "./quality.js";
import { benchAdapters } from "./serving/adapters.js";
import { benchOverload } from "./serving/overload.js";
import { benchServe } from "./serving/serve.js";
import { benchSoak } from "./serving/soak.js";
import { benchSwap } from "./serving/swap.js";
import { benchTrain } from "./train.js";

const BENCHES: Readonly<Record<string, (argv: readonly string[]) => Promise<object>>> = {
	adapters: benchAdapters,
	data: benchData,
	embed: benchEmbed,
	estimate: benchEstimate,
	overload: benchOverload,
	quality: benchQuality,
	serve: benchServe,
	soak: benchSoak,
	swap: benchSwap,
	train: benchTrain,
	gpu: benchGpu,
};

const [name = "", ...argv] = process.argv.slice(2);
const bench = BENCHES[name];
if (!bench) {
	console.error(`unknown benchmark ${JSON.stringify(name)}; allowed: ${Object.keys(BENCHES).join(", ")}`);
	process.exitCode = 2;
} else {
	console.log(JSON.stringify(await bench(argv)));
}
