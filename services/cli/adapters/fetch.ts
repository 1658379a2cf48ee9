/** An adapter's files, brought from the services into a folder: whole or not at all. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, normalize, resolve } from "node:path";
import type { ArtifactFile, DakClient, JobJson } from "@dak/shared/client";
import { DakError } from "@dak/shared/errors";

/** What a job can put out, and the folder of its artifacts where that lies; the adapter itself lies at their root. */
export const FORMATS = { peft: undefined, merged: "merged_model", onnx: "onnx" } as const;
export type Format = keyof typeof FORMATS;

/** The job that made what is served under a name. @throws DakError ADAPTER_NOT_FOUND, DakApiError */
export async function jobOfAdapter(dak: DakClient, name: string): Promise<JobJson> {
	const served = (await dak.adapters.list()).find((adapter) => adapter.name === name);
	let newest: JobJson | undefined;
	for await (const job of dak.jobs.list({ state: "succeeded", pageSize: 200 })) {
		if (job.adapter_path !== undefined && job.adapter_path === served?.source) return job;
		if (job.adapter_path !== undefined && job.spec.adapter_name === name) newest ??= job;
	}
	if (newest) return newest;
	const where = served
		? `it is served from ${served.source}, which no job of this train-service made`
		: "no job made it and it is not served";
	throw new DakError("ADAPTER_NOT_FOUND", `adapter ${JSON.stringify(name)}: found no files: ${where}`);
}

const belongsTo = (format: Format, path: string): boolean => {
	const top = path.split("/")[0];
	const others = Object.values(FORMATS).filter((folder) => folder !== undefined);
	return format === "peft" ? !others.some((folder) => folder === top) : top === FORMATS[format];
};

/** A path from a service stays inside the folder that is written. */
function safe(path: string): string {
	if (path === "" || normalize(path) !== path || path.startsWith("/") || path.startsWith("..") || path.includes("\\"))
		throw new DakError("PERMISSION_DENIED", `the service names a file ${JSON.stringify(path.slice(0, 200))}, which leaves its folder`);
	return path;
}

/** Writes the files of one output of a job to `folder`, which must not be there yet. @returns their number and bytes */
export async function fetchOutput(
	dak: DakClient,
	{ id }: JobJson,
	format: Format,
	folder: string,
): Promise<{ files: number; bytes: number }> {
	const target = resolve(folder);
	if (existsSync(target))
		throw new DakError("INVALID_REQUEST", `--out: found ${folder} there already; allowed: a folder that is not there`);
	const files = (await dak.jobs.artifacts(id)).filter(({ path }) => belongsTo(format, path));
	if (files.length === 0) throw noOutput(id, format);
	const staging = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
	try {
		await writeAll(dak, id, files, format, staging);
		renameSync(staging, target);
	} finally {
		rmSync(staging, { recursive: true, force: true });
	}
	return { files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

async function writeAll(dak: DakClient, id: string, files: readonly ArtifactFile[], format: Format, staging: string): Promise<void> {
	const prefix = FORMATS[format] === undefined ? "" : `${FORMATS[format]}/`;
	for (const { path } of files) {
		const file = join(staging, safe(path.slice(prefix.length)));
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, await dak.jobs.artifact(id, path));
	}
}

function noOutput(id: string, format: Format): DakError {
	const field = `output.${FORMATS[format]}`;
	return new DakError(
		"ARTIFACT_NOT_FOUND",
		`job ${id} has put out no ${format} files; a job does where it is told to: dak train … --set ${field}=true`,
	);
}
