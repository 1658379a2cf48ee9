/** Runs one target's cases in a process of its own and says before each which it is, so that a hang or a crash names its case. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DakError } from "@dak/shared/errors";
import { Random } from "@dak/shared/random";
import { FILE_TARGETS } from "./targets.js";

export interface Work {
	readonly target: string;
	readonly folder: string;
	readonly seed: number;
	readonly from: number;
	readonly to: number;
}

export type Said =
	| { readonly kind: "begins"; readonly index: number }
	| { readonly kind: "ended"; readonly outcome: "taken" | "refused" | "fault"; readonly index: number; readonly what?: string };

const { target, folder, seed, from, to } = JSON.parse(process.argv[2]!) as Work;
const say = (said: Said) => process.send!(said);

mkdirSync(join(folder, "case"), { recursive: true });
const opened = await FILE_TARGETS[target]!(join(folder, "case"));
for (let index = from; index < to; index++) {
	say({ kind: "begins", index });
	try {
		await opened.once(Random.for(seed, target, index));
		say({ kind: "ended", outcome: "taken", index });
	} catch (error) {
		const refused = error instanceof DakError && error.row.http < 500;
		const what = refused ? {} : { what: String(error instanceof Error ? error.stack : error).slice(0, 600) };
		say({ kind: "ended", outcome: refused ? "refused" : "fault", index, ...what });
	}
}
