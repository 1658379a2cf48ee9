/** Where the services are: options, else variables of the client's own, else the services' configuration on this machine. */
import type { DakClientOptions } from "@dak/shared/client";
import type { Config } from "@dak/shared/config";
import { type Command, Option } from "commander";

export interface Connection {
	readonly train?: string | undefined;
	readonly embed?: string | undefined;
	readonly grpc?: string | undefined;
}

type Service = "train" | "embed";

/** Adds the options that a command of a service needs. */
export function withConnection(command: Command, services: readonly Service[], { grpc = false } = {}): Command {
	const add = (flags: string, env: string, what: string) => command.addOption(new Option(flags, what).env(env));
	command.optionsGroup("Connection:");
	if (services.includes("train")) add("--train <url>", "DAK_TRAIN_URL", "train-service's address");
	if (grpc) add("--grpc <host:port>", "DAK_TRAIN_GRPC", "train-service's gRPC address");
	if (services.includes("embed")) add("--embed <url>", "DAK_EMBED_URL", "embed-service's address");
	// By variable only: a command line can be read by everyone on the machine.
	command.addHelpText("after", "\nAn API key is taken from DAK_API_KEY.");
	return command;
}

/** An address that a service listens on, as one to connect to. */
function reachable(host: string): string {
	if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
	return host.includes(":") ? `[${host}]` : host;
}

export function clientOptions({ train, embed, grpc }: Connection, config: Config): DakClientOptions {
	const host = reachable(config.DAK_HOST);
	const [rest, rpc] = config.DAK_TLS_CERT === undefined ? ["http", ""] : ["https", "grpcs://"];
	const trainUrl = train ?? `${rest}://${host}:${config.DAK_TRAIN_PORT}`;
	// A service on another machine has its gRPC port there too.
	const trainHost = URL.canParse(trainUrl) ? new URL(trainUrl).hostname : host;
	return {
		trainUrl,
		embedUrl: embed ?? `${rest}://${host}:${config.DAK_EMBED_PORT}`,
		trainGrpc: grpc ?? `${rpc}${trainHost}:${config.DAK_TRAIN_GRPC_PORT}`,
		embedGrpc: `${rpc}${host}:${config.DAK_EMBED_GRPC_PORT}`,
	};
}
