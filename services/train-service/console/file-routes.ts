/** The console's page and its assets. Neither needs a key: they hold nothing, and the page is where a key is entered. */
import { DakError } from "@dak/shared/errors";
import { type Route, route } from "@dak/shared/server";
import { z } from "zod";
import type { BuiltFiles } from "./files.js";

/** The page runs its own files, talks to its own origin, and is framed by nobody. */
const PAGE_HEADERS = {
	"content-security-policy": [
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"connect-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	].join("; "),
	"cross-origin-opener-policy": "same-origin",
	"permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"x-frame-options": "DENY",
	"cache-control": "no-store",
} as const;

/** A name with a hash never gets another content. */
const FOR_EVER = "public, max-age=31536000, immutable";

const NOT_BUILT = "the web console is not built; npm run build makes it, and /docs describes the API";

export function fileRoutes(files: BuiltFiles | undefined): Route[] {
	return [
		route({
			method: "get",
			path: "/",
			operationId: "console",
			summary: "The web console",
			hidden: true,
			response: { status: 200, description: "The page", contentType: "text/html" },
		}).handle(({ res }) => {
			if (!files) throw new DakError("ROUTE_NOT_FOUND", NOT_BUILT);
			res.set({ ...PAGE_HEADERS, "content-type": files.index.contentType }).end(files.index.bytes);
		}),
		route({
			method: "get",
			path: "/assets/{+name}",
			operationId: "consoleAsset",
			summary: "A file of the web console",
			hidden: true,
			params: z.object({ name: z.string() }),
			response: { status: 200, description: "The file", contentType: "application/octet-stream" },
		}).handle(({ params, res }) => {
			const file = files?.assets.get(params.name);
			if (!file) throw new DakError("ROUTE_NOT_FOUND", `no file ${JSON.stringify(params.name.slice(0, 200))} among the console's assets`);
			res.set({ "cache-control": FOR_EVER, "content-type": file.contentType }).end(file.bytes);
		}),
	];
}
