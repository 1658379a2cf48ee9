// Writes the generated parts of README.md: the configuration table, and with `demo FILE` what `npm run demo` printed.
// README.ru.md gets the same table, and README.md's blocks of code in their order.
import { readFileSync, writeFileSync } from "node:fs";
import { configTable } from "@dak/shared/config";

const [path, russianPath] = ["../README.md", "../README.ru.md"].map((name) => new URL(name, import.meta.url));
const between = (text, name, content) =>
	text.replace(new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`), (_, open, close) => `${open}${content}\n${close}`);
let text = between(readFileSync(path, "utf8"), "config", configTable());
const [what, file] = process.argv.slice(2);
if (what === "demo" && file) text = between(text, "demo", `\`\`\`\n${readFileSync(file, "utf8").trim()}\n\`\`\``);
writeFileSync(path, text);

const FENCE = /^```[a-z]*\n[\s\S]*?^```$/gm;
const blocks = text.match(FENCE);
const russian = between(readFileSync(russianPath, "utf8"), "config", configTable());
if (russian.match(FENCE)?.length !== blocks.length) throw new Error(`README.ru.md needs ${blocks.length} blocks of code, as README.md has`);
writeFileSync(
	russianPath,
	russian.replace(FENCE, () => blocks.shift()),
);
