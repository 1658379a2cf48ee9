/** A job's progress over gRPC, drawn as it comes. */
import { JobState, TrainService } from "@dak/shared/proto";
import { createGrpcClient } from "@dak/shared/server";
import { bar, clock, mib, type Terminal } from "../terminal.js";

export interface Followed {
	readonly events: number;
	readonly firstLoss: number | undefined;
	/** Mean of the last ten steps. */
	readonly lastLoss: number | undefined;
	readonly state: JobState;
	readonly reason: string;
}

/** Watches until the job ends. */
export async function followJob(address: string, id: string, terminal: Terminal): Promise<Followed> {
	const client = createGrpcClient(TrainService, address);
	const losses: number[] = [];
	let state = JobState.QUEUED;
	let reason = "";
	try {
		for await (const { event } of client.watchJob({ id })) {
			if (event.case === "progress") {
				const { step, totalSteps, loss, tokensPerSecond, memoryBytes, etaSeconds } = event.value;
				losses.push(loss);
				const facts = `loss ${loss.toFixed(3)}  ${Math.round(tokensPerSecond)} tokens/s  ${mib(Number(memoryBytes))}  ${clock(etaSeconds)} left`;
				terminal.status(
					`  ${bar(step / totalSteps)} ${step}/${totalSteps}  ${facts}`,
					step === 1 || step % Math.max(1, Math.round(totalSteps / 8)) === 0,
				);
			} else if (event.case === "state") {
				state = event.value.to;
				reason = event.value.reason;
				terminal.line(terminal.dim(`  ${JobState[state]?.toLowerCase() ?? state}`));
			} else if (event.case === "log") terminal.line(terminal.dim(`  ${event.value.message}`));
		}
	} finally {
		client.close();
	}
	const last = losses.slice(-10);
	return {
		events: losses.length,
		firstLoss: losses[0],
		lastLoss: last.length > 0 ? last.reduce((a, b) => a + b, 0) / last.length : undefined,
		state,
		reason,
	};
}
