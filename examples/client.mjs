// The client library: a file of texts becomes an adapter, and a search is made with and without it.
//   node examples/client.mjs titles.txt [steps]
import { DakApiError, DakClient } from "domain-adapter-kit/client";
import { embedUrl, printRanked, QUERY, TEXTS, trainGrpc, trainUrl } from "./settings.mjs";

const [file, steps = "120"] = process.argv.slice(2);
const name = process.env.DAK_ADAPTER ?? "example";
const dak = new DakClient({ trainUrl, embedUrl, trainGrpc, apiKey: process.env.DAK_API_KEY });

try {
	const { id: upload, statistics } = await dak.datasets.uploadFile(file);
	console.log(`${statistics.texts} texts uploaded`);
	const job = await dak.jobs.create({
		base_model: "all-MiniLM-L6-v2",
		dataset: { upload },
		adapter_name: name,
		training: { max_steps: Number(steps) },
	});
	// Goes on through lost connections and restarts of the service; each event comes once.
	for await (const event of dak.jobs.watch(job.id)) {
		if (event.type === "progress") console.log(`step ${event.step}/${event.total_steps}, loss ${event.loss.toFixed(3)}`);
		if (event.type === "state") console.log(event.to);
	}
	const { state, error } = await dak.jobs.get(job.id);
	if (state !== "succeeded") throw new Error(`${job.id} ${state}: ${error?.message}`);

	// embed-service finds the adapter by itself; asking for it makes sure that it is there now.
	await dak.adapters.load(name, { job_id: job.id });
	printRanked("base", await dak.similarity(QUERY, TEXTS));
	printRanked(name, await dak.similarity(QUERY, TEXTS, { adapter: name }));
} catch (error) {
	if (!(error instanceof DakApiError)) throw error;
	console.error(`${error.reason} (${error.status}): ${error.detail}`);
	process.exitCode = 1;
} finally {
	dak.close();
}
