/** A job's events as server-sent events. */
import { invalidField } from "@dak/shared/errors";
import type { Request, Response } from "express";
import type { Application } from "./application.js";
import { eventJson } from "./convert.js";

/** Between comments that keep idle streams open. */
const HEARTBEAT_MS = 15_000;

/** Writes events from Last-Event-ID on until the job ends or the signal aborts. @throws INVALID_REQUEST, JOB_NOT_FOUND before anything is written */
export async function streamEvents(app: Application, jobId: string, req: Request, res: Response, signal: AbortSignal): Promise<void> {
	const last = req.get("last-event-id") ?? "0";
	if (!/^\d{1,15}$/.test(last))
		throw invalidField("/Last-Event-ID", `found ${JSON.stringify(last.slice(0, 40))}, allowed: a sequence number`);
	const events = await app.jobs.watch(jobId, Number(last) + 1, signal);
	res.set({ "content-type": "text/event-stream", "x-accel-buffering": "no" });
	res.flushHeaders();
	const heartbeat = setInterval(() => res.write(": still here\n\n"), HEARTBEAT_MS);
	try {
		for await (const event of events) {
			const text = `id: ${event.sequence}\nevent: ${event.body.kind}\ndata: ${JSON.stringify(eventJson(event))}\n\n`;
			if (!res.write(text)) await writableOrGone(res);
		}
	} finally {
		clearInterval(heartbeat);
		res.end();
	}
}

function writableOrGone(res: Response): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			res.off("drain", done);
			res.off("close", done);
			resolve();
		};
		res.once("drain", done);
		res.once("close", done);
		if (res.destroyed) done();
	});
}
