/** The services' ports: free, ours, or somebody else's. */
import { createServer } from "node:net";
import type { Config } from "@dak/shared/config";
import { type Finding, fail, ok, warn } from "./finding.js";

export type PortState = { readonly free: true } | { readonly free: false; readonly why: string };

/** Tries to listen, and lets go again. */
export function portState(host: string, port: number): Promise<PortState> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", (error: NodeJS.ErrnoException) => resolve({ free: false, why: error.code ?? error.message }));
		server.listen({ host, port, exclusive: true }, () => server.close(() => resolve({ free: true })));
	});
}

/** What /readyz of a running service says; nothing where none of ours answers. */
async function readiness(host: string, port: number): Promise<"ready" | "not ready" | undefined> {
	try {
		const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
		const response = await fetch(`http://${name.includes(":") ? `[${name}]` : name}:${port}/readyz`, {
			signal: AbortSignal.timeout(3_000),
		});
		if (!response.headers.has("x-request-id")) return undefined;
		return response.ok ? "ready" : "not ready";
	} catch {
		return undefined;
	}
}

interface ServicePorts {
	readonly service: string;
	readonly rest: number;
	readonly grpc: number;
	readonly variables: string;
}

export async function checkPorts(host: string, { service, rest, grpc, variables }: ServicePorts): Promise<Finding> {
	const states = await Promise.all([rest, grpc].map((port) => portState(host, port)));
	const [first, second] = states as [PortState, PortState];
	if (first.free && second.free) return ok(service, `does not run; ports ${rest} and ${grpc} of ${host} are free`);
	const elsewhere = [first, second].find((state) => !state.free && state.why !== "EADDRINUSE");
	if (elsewhere && !elsewhere.free) return fail(service, `${host}:${rest}: ${elsewhere.why}`, "mend DAK_HOST, or take ports above 1023");
	const ready = first.free ? undefined : await readiness(host, rest);
	if (ready === "ready") return ok(service, `runs at http://${host}:${rest}, and is ready`);
	if (ready === "not ready") return warn(service, `runs at http://${host}:${rest}, and is not ready`, "its log says why");
	const taken = [first.free ? [] : [rest], second.free ? [] : [grpc]].flat().join(" and ");
	return fail(service, `port ${taken} of ${host} is taken by another program`, `end it, or name other ports in ${variables}`);
}

export const bothServices = (config: Config): ServicePorts[] => [
	{
		service: "train-service",
		rest: config.DAK_TRAIN_PORT,
		grpc: config.DAK_TRAIN_GRPC_PORT,
		variables: "DAK_TRAIN_PORT and DAK_TRAIN_GRPC_PORT",
	},
	{
		service: "embed-service",
		rest: config.DAK_EMBED_PORT,
		grpc: config.DAK_EMBED_GRPC_PORT,
		variables: "DAK_EMBED_PORT and DAK_EMBED_GRPC_PORT",
	},
];
