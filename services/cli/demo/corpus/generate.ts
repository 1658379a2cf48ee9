/** Writes the demo's corpus beside itself: texts.txt and pairs.jsonl. Run it again and the same files come out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCorpus } from "./corpus.js";

const { texts, pairs } = makeCorpus();
const folder = process.argv[2] ?? import.meta.dirname;
writeFileSync(join(folder, "texts.txt"), `${texts.join("\n")}\n`);
writeFileSync(join(folder, "pairs.jsonl"), `${pairs.map((pair) => JSON.stringify(pair)).join("\n")}\n`);
console.log(`${texts.length} texts, ${pairs.length} queries`);
