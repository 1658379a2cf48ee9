import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { DakError } from "../errors/index.js";

/**
 * The real path of `path` below `root`, which need not exist yet.
 * @throws PERMISSION_DENIED if it leaves the root, by `..`, as an absolute path, or by a link on any part of it
 */
export function jailedPath(root: string, path: string): string {
	const refuse = () =>
		new DakError("PERMISSION_DENIED", `path ${JSON.stringify(path.slice(0, 256))} leaves its root; allowed: a relative path below it`);
	if (isAbsolute(path) || path.includes("\0")) throw refuse();
	const wanted = resolve(root, path);
	if (!isInside(resolve(root), wanted)) throw refuse();
	const real = realPath(wanted);
	const realRoot = realPath(resolve(root));
	if (real === undefined || realRoot === undefined || !isInside(realRoot, real)) throw refuse();
	return real;
}

function isInside(root: string, path: string): boolean {
	return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Links followed as far as the path exists, the rest as it is; undefined where a link leads nowhere. */
function realPath(path: string): string | undefined {
	try {
		return realpathSync(path);
	} catch {
		if (isLink(path)) return undefined;
		const parent = dirname(path) === path ? undefined : realPath(dirname(path));
		return parent === undefined ? undefined : join(parent, basename(path));
	}
}

function isLink(path: string): boolean {
	try {
		return lstatSync(path).isSymbolicLink();
	} catch {
		return false;
	}
}
