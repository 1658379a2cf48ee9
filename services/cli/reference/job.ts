/** Every field of a job, from the schema that the service checks it with. */
import { jobSettingsSchema } from "@dak/train-service/jobs";
import { z } from "zod";
import { code, table } from "./markdown.js";

/** What of JSON schema the job's schema uses. */
interface Schema {
	readonly type?: string;
	readonly description?: string;
	readonly default?: unknown;
	readonly enum?: readonly unknown[];
	readonly items?: Schema;
	readonly anyOf?: readonly Schema[];
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly minimum?: number;
	readonly maximum?: number;
	readonly exclusiveMinimum?: number;
	readonly minItems?: number;
	readonly maxItems?: number;
	readonly minLength?: number;
	readonly maxLength?: number;
}

const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 6 });

/** Both ends, or the one that there is; zod bounds whole numbers by what a double holds, which nobody needs to read. */
function range(least: number | undefined, most: number | undefined, unit = ""): string {
	const from = least !== undefined && Math.abs(least) < Number.MAX_SAFE_INTEGER ? number(least) : undefined;
	const to = most !== undefined && Math.abs(most) < Number.MAX_SAFE_INTEGER ? number(most) : undefined;
	if (from === undefined && to === undefined) return "";
	const text = from === undefined ? `to ${to}` : to === undefined ? `from ${from}` : `${from} to ${to}`;
	return `${text}${unit}`;
}

function allowed(schema: Schema): string {
	if (schema.enum) return schema.enum.map((value) => code(String(value))).join(", ");
	if (schema.items?.enum) return `some of ${allowed(schema.items)}`;
	if (schema.type === "array") return range(schema.minItems, schema.maxItems, " of them");
	if (schema.type === "string") return range(schema.minLength, schema.maxLength, " characters");
	if (schema.exclusiveMinimum !== undefined) return `above ${number(schema.exclusiveMinimum)}, ${range(undefined, schema.maximum)}`;
	return range(schema.minimum, schema.maximum);
}

function typeOf(schema: Schema): string {
	if (schema.anyOf) return "object";
	return schema.type === "array" ? `list of ${schema.items?.type ?? "anything"}` : (schema.type ?? "anything");
}

function fallbackOf({ default: fallback, properties }: Schema, required: boolean): string {
	if (required) return "required";
	return fallback === undefined || properties ? "" : code(JSON.stringify(fallback));
}

/** A field's row and those of the fields inside it. */
function rowsOf(path: string, schema: Schema, required: boolean): string[][] {
	const own = [code(path), typeOf(schema), fallbackOf(schema, required), allowed(schema), schema.description ?? ""];
	const alternatives = (schema.anyOf ?? []).flatMap((each) => fieldsOf(path, { ...each, required: [] }));
	const inItems = schema.items?.properties ? fieldsOf(`${path}[]`, schema.items) : [];
	return [own, ...alternatives, ...inItems, ...fieldsOf(path, schema)];
}

function fieldsOf(path: string, { properties = {}, required = [] }: Schema): string[][] {
	return Object.entries(properties).flatMap(([name, schema]) =>
		rowsOf(path === "" ? name : `${path}.${name}`, schema, required.includes(name)),
	);
}

export function jobFields(): string[][] {
	const { $defs } = z.toJSONSchema(jobSettingsSchema, { io: "input", unrepresentable: "any" }) as unknown as { $defs: { JobSpec: Schema } };
	return fieldsOf("", $defs.JobSpec);
}

export const jobTable = (): string => table(["field", "type", "default", "allowed", "meaning"], jobFields());
