/** Adapters that embed-service serves. */
import { listAdapters, servedBase } from "../api/calls.js";
import type { AdapterJson, Info } from "../api/types.js";
import { bytes, count } from "../format.js";
import { usePolled } from "../live/use-polled.js";
import { Badge, Empty, Failure, Figures, Loading } from "../parts/basics.js";
import { hrefOf } from "../route.js";

const EVERY_MS = 4000;

export function AdaptersPage() {
	const { value: adapters, error } = usePolled(listAdapters, EVERY_MS);
	const { value: base } = usePolled(servedBase);
	return (
		<section>
			<h1>Adapters</h1>
			{error !== undefined && <Failure>{error}</Failure>}
			{!adapters && error === undefined && <Loading />}
			{adapters && base && (
				<Figures
					items={[
						["Base", base.model_id],
						["Dimension", count(base.dimension)],
						["Device", base.device],
						["In memory", bytes(adapters.reduce((sum, { bytes: size, resident }) => sum + (resident ? size : 0), 0))],
					]}
				/>
			)}
			{adapters && adapters.length > 0 && <AdapterTable adapters={adapters} base={base} />}
			{adapters?.length === 0 && (
				<Empty title="No adapters yet">
					<p>An adapter that a job publishes appears here by itself.</p>
					<a class="button primary" href={hrefOf("new")}>
						Train one
					</a>
				</Empty>
			)}
		</section>
	);
}

function AdapterTable({ adapters, base }: { readonly adapters: readonly AdapterJson[]; readonly base: Info | undefined }) {
	return (
		<table class="cards">
			<thead>
				<tr>
					<th scope="col">Adapter</th>
					<th scope="col">Generation</th>
					<th scope="col">Base</th>
					<th scope="col">Rank</th>
					<th scope="col">Size</th>
					<th scope="col">Residency</th>
					<th scope="col">Use</th>
				</tr>
			</thead>
			<tbody>
				{adapters.map(({ name, generation, base_fingerprint, rank, bytes: size, source, resident }) => (
					<tr key={name}>
						<th scope="row">
							{name}
							<span class="under">{source}</span>
						</th>
						<td data-label="Generation" class="number">
							{count(generation)}
						</td>
						<td data-label="Base">{baseName(base_fingerprint, base)}</td>
						<td data-label="Rank" class="number">
							{count(rank)}
						</td>
						<td data-label="Size" class="number">
							{bytes(size)}
						</td>
						<td data-label="Residency">
							<Badge state={resident ? "in memory" : "on disk"} />
						</td>
						<td data-label="Use">
							<a href={`${hrefOf("playground")}?adapter=${encodeURIComponent(name)}`}>Playground</a>
						</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}

function baseName(fingerprint: string, base: Info | undefined): string {
	if (fingerprint === "") return "not told";
	return base && fingerprint === base.model_sha ? base.model_id : fingerprint.replace(/^sha256:/, "").slice(0, 12);
}
