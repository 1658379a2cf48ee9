// Writes the generated parts of README.md: the configuration table, and with `demo FILE` what `npm run demo` printed.
import { readFileSync, writeFileSync } from "node:fs";
import { configTable } from "@dak/shared/config";

const path = new URL("../README.md", import.meta.url);
const between = (text, name, content) =>
	text.replace(new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`), (_, open, close) => `${open}${content}\n${close}`);
let text = between(readFileSync(path, "utf8"), "config", configTable());
const [what, file] = process.argv.slice(2);
if (what === "demo" && file) text = between(text, "demo", `\`\`\`\n${readFileSync(file, "utf8").trim()}\n\`\`\``);
writeFileSync(path, text);
