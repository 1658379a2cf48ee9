// Writes the pages of docs/reference that are made from the program: errors, metrics, configuration, the job's fields.
import { mkdirSync, writeFileSync } from "node:fs";
import { referencePages } from "@dak/cli/reference";

const folder = new URL("../docs/reference/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(referencePages())) writeFileSync(new URL(name, folder), text);
