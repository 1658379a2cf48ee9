/** `dak jobs`: jobs of a running train-service. */
import { loadConfig } from "@dak/shared/config";
import { JobState } from "@dak/shared/proto";
import { Command } from "commander";
import { createTerminal } from "../terminal.js";
import { followJob } from "./follow.js";

/** Follows a job to its end; the exit code says whether it succeeded. */
async function watch(id: string, { grpc }: { grpc?: string }): Promise<void> {
	const config = loadConfig();
	const { state, reason } = await followJob(grpc ?? `${config.DAK_HOST}:${config.DAK_TRAIN_GRPC_PORT}`, id, createTerminal());
	if (state === JobState.SUCCEEDED) return;
	console.error(`${id} ended ${JobState[state]?.toLowerCase()}: ${reason}`);
	process.exitCode = 1;
}

export function jobsCommand(): Command {
	const command = new Command("jobs").description("jobs of a running train-service");
	command
		.command("watch")
		.argument("<id>")
		.option("--grpc <host:port>", "train-service's gRPC address")
		.description("a job's progress, over gRPC, until it ends")
		.action(watch);
	return command;
}
