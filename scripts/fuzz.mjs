// Fuzzes what reads strangers' bytes, outside the unit tests: tests/fuzz/main.ts says how.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const args = ["--import", "tsx", "--conditions", "@dak/source", join(root, "tests/fuzz/main.ts"), ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1);
