import type { z } from "zod";
import { DakError, type FieldViolation, type Reason } from "./dak-error.js";

/** JSON pointer (RFC 6901) of a zod path. */
export function pointerOf(path: readonly PropertyKey[]): string {
	return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function found(value: unknown, path: readonly PropertyKey[]): string {
	let at: unknown = value;
	for (const part of path) at = typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined;
	if (at === undefined) return "nothing";
	const text = JSON.stringify(at) ?? typeof at;
	return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function violations(error: z.ZodError, value: unknown): FieldViolation[] {
	return error.issues.flatMap((issue): FieldViolation[] => {
		if (issue.code === "unrecognized_keys") {
			return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: "unknown field" }));
		}
		return [{ pointer: pointerOf(issue.path), detail: `${issue.message}; found ${found(value, issue.path)}` }];
	});
}

/** Parses `value`, or throws a DakError that names each offending field, what was found and what is allowed. */
export function parseOrThrow<S extends z.ZodType>(schema: S, value: unknown, reason: Reason = "INVALID_REQUEST"): z.output<S> {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	const fields = violations(result.error, value);
	const message = fields.map((field) => `${field.pointer || "/"}: ${field.detail}`).join("; ");
	throw new DakError(reason, message, { fields });
}
