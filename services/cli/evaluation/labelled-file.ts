/** Labelled queries as the job's `evaluation` has them, from a file. */
import { readFileSync } from "node:fs";
import { DakError } from "@dak/shared/errors";
import { z } from "zod";

const pairSchema = z.object({
	query: z.string().min(1),
	relevant: z.union([
		z
			.string()
			.min(1)
			.transform((text) => [text]),
		z.array(z.string().min(1)).min(1),
	]),
});

const setSchema = z.object({ queries: z.array(pairSchema).min(1), corpus: z.array(z.string().min(1)).default([]) });

export type LabelledQueries = z.output<typeof setSchema>;

const ALLOWED = '{"query": "…", "relevant": ["…"]} a line, or one {"queries": […], "corpus": […]}';

function refuse(file: string, where: string, found: string): DakError {
	return new DakError("INVALID_REQUEST", `${file}${where}: found ${found}; allowed: ${ALLOWED}`);
}

function read(file: string): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
	} catch (cause) {
		const { code, message } = cause as NodeJS.ErrnoException;
		throw new DakError(
			"INVALID_REQUEST",
			code === "ENOENT" ? `found no file ${file}` : `${file} cannot be read as UTF-8 text: ${message}`,
			{ cause },
		);
	}
}

function asJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** @throws DakError INVALID_REQUEST naming file and line, what was found and what is allowed */
export function readLabelled(file: string): LabelledQueries {
	const text = read(file);
	const whole = asJson(text);
	if (typeof whole === "object" && whole !== null && !("query" in whole)) {
		const set = setSchema.safeParse(Array.isArray(whole) ? { queries: whole } : whole);
		if (set.success) return set.data;
		throw refuse(file, "", `${set.error.issues[0]!.path.join("/")}: ${set.error.issues[0]!.message}`);
	}
	const queries = text.split("\n").flatMap((line, i) => {
		if (line.trim() === "") return [];
		const pair = pairSchema.safeParse(asJson(line));
		if (!pair.success) throw refuse(file, `, line ${i + 1}`, JSON.stringify(line.slice(0, 60)));
		return [pair.data];
	});
	if (queries.length === 0) throw refuse(file, "", "no queries");
	return { queries, corpus: [] };
}

/** Texts that are searched beside the relevant ones: one a line. */
export function readCorpus(file: string): string[] {
	return read(file)
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
}
