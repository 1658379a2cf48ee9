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

type Issue = z.core.$ZodIssue;

/** The one alternative of a union that has all of the value's fields: its faults are the ones to tell. */
function intended({ errors, path }: Extract<Issue, { code: "invalid_union" }>): Issue[] | undefined {
	const atRoot = (issue: Issue) => issue.path.length === 0;
	const fitting = errors.filter((issues) => !issues.some((issue) => issue.code === "unrecognized_keys" && atRoot(issue)));
	if (errors.length === fitting.length || fitting.length !== 1) return undefined;
	return fitting[0]!.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function violations(issues: readonly Issue[], value: unknown): FieldViolation[] {
	return issues.flatMap((issue): FieldViolation[] => {
		if (issue.code === "unrecognized_keys") {
			return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: "unknown field" }));
		}
		const inner = issue.code === "invalid_union" ? intended(issue) : undefined;
		if (inner) return violations(inner, value);
		return [{ pointer: pointerOf(issue.path), detail: `${issue.message}; found ${found(value, issue.path)}` }];
	});
}

/**
 * Parses `value`, or throws a DakError that names each offending field, what was found and what is allowed.
 * @param shown what is told of the value where it may hold a secret
 */
export function parseOrThrow<S extends z.ZodType>(
	schema: S,
	value: unknown,
	reason: Reason = "INVALID_REQUEST",
	shown: unknown = value,
): z.output<S> {
	const result = schema.safeParse(value);
	if (result.success) return result.data;
	const fields = violations(result.error.issues, shown);
	const message = fields.map((field) => `${field.pointer || "/"}: ${field.detail}`).join("; ");
	throw new DakError(reason, message, { fields });
}
