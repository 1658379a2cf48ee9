// The software bill of materials of what is installed to run: CycloneDX 1.5 on stdout, the same bytes for the same lock file.
//   node scripts/sbom.mjs > sbom.cdx.json
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
// From the lock file alone: what happens to lie in node_modules is no part of the product.
const args = ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"];
const sbom = JSON.parse(
	execFileSync(npm, args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 2 ** 20, stdio: ["ignore", "pipe", "inherit"] }),
);

const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { component } = sbom.metadata;
// npm takes the folder's name for the project's.
component.name = name;
// A time and a chance number would make each one another; a hash of the lock file says what it is of.
delete sbom.metadata.timestamp;
const hash = createHash("sha256")
	.update(readFileSync(join(root, "package-lock.json")))
	.digest("hex");
sbom.serialNumber = `urn:uuid:${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
console.log(JSON.stringify(sbom, null, 2));
