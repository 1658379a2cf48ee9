/** gRPC: the same functions as REST's. */
import { TrainService } from "@dak/shared/proto";
import { addProtoService, type GrpcServiceOptions } from "@dak/shared/server";
import type { Server } from "@grpc/grpc-js";
import type { Application } from "./application.js";
import { eventMessage, jobMessage, settingsFromSpec, stateFromProto } from "./convert.js";
import { estimateMessage } from "./estimate.js";

/** Calls that change nothing and start no work; REST's GETs. */
const READING = new Set(["getJob", "listJobs", "watchJob", "getReport"]);

export function addTrainService(server: Server, app: Application, options: Omit<GrpcServiceOptions<typeof TrainService>, "scopes">): void {
	const scopes = Object.fromEntries(
		TrainService.methods.map(({ localName }) => [localName, READING.has(localName) ? "read" : "submit"] as const),
	);
	addProtoService(
		server,
		TrainService,
		{
			createJob: async ({ spec, idempotencyKey }, { user }) =>
				jobMessage(await app.jobs.create(settingsFromSpec(spec), idempotencyKey, user)),
			getJob: async ({ id }) => jobMessage(await app.jobs.get(id)),
			listJobs: async ({ state, pageSize, pageToken }) => {
				const { jobs, nextPageToken } = await app.jobs.list({
					state: stateFromProto(state),
					pageSize: pageSize === 0 ? undefined : pageSize,
					pageToken,
				});
				return { jobs: jobs.map(jobMessage), nextPageToken };
			},
			cancelJob: async ({ id }) => jobMessage(await app.jobs.cancel(id)),
			pauseJob: async ({ id }) => jobMessage(await app.jobs.pause(id)),
			resumeJob: async ({ id }) => jobMessage(await app.jobs.resume(id)),
			async *watchJob({ id, fromSequence }, { signal, draining }) {
				const events = await app.jobs.watch(id, Number(fromSequence), AbortSignal.any([signal, draining]));
				for await (const event of events) yield eventMessage(event);
			},
			estimateJob: async ({ spec }) => estimateMessage(await app.estimate(settingsFromSpec(spec))),
			getReport: async ({ id }) => ({ report: JSON.parse(JSON.stringify(await app.report(id))) }),
		},
		{ ...options, scopes },
	);
}
