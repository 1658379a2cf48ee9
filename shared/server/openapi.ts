/** The OpenAPI 3.1 document of a list of routes; schemas come from zod, named ones (`.meta({ id })`) become components. */
import { z } from "zod";
import { assert, REASONS, type Reason } from "../errors/index.js";
import { type ErrorShape, openaiErrorSchema, problemSchema, teiErrorSchema } from "./error-shapes.js";
import { groupBy } from "./group-by.js";
import { openApiPath, type Route } from "./route.js";

type Json = Readonly<Record<string, unknown>>;

/** An operation as the document holds it. */
export interface Operation {
	readonly operationId: string;
	readonly summary: string;
	readonly description?: string;
	readonly tags?: readonly string[];
	readonly security?: readonly Json[];
	readonly parameters?: readonly Json[];
	readonly requestBody?: Json;
	readonly responses: Readonly<Record<string, Json>>;
}

export interface OpenApiDocument {
	readonly openapi: "3.1.0";
	readonly info: { readonly title: string; readonly version: string; readonly description?: string };
	readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
	readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Readonly<Record<string, Json>> };
}

export interface OpenApiOptions {
	readonly title: string;
	readonly version: string;
	readonly description?: string;
	readonly routes: readonly Route[];
	/** Whether API keys can be asked for; adds the security schemes. */
	readonly secured?: boolean;
}

const ERROR_SCHEMAS: Record<ErrorShape, z.ZodType> = { problem: problemSchema, tei: teiErrorSchema, openai: openaiErrorSchema };

/** Collects named schemas; one that reads differently as input and as output gets a second name. */
class Components {
	readonly schemas: Record<string, Json> = {};
	readonly #names = new Map<string, string>();

	/** The schema with its named parts replaced by references to components. */
	reference(schema: z.ZodType, io: "input" | "output"): Json {
		const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as Record<string, unknown>;
		assert(!JSON.stringify(root).includes('"$ref":"#"'), "a recursive schema needs an id");
		const definitions = Object.entries($defs as Record<string, Json>);
		const names = new Map(definitions.map(([id, definition]) => [id, this.#nameFor(id, definition, io)]));
		for (const [id, definition] of definitions) this.schemas[names.get(id)!] = renameRefs(definition, names);
		return renameRefs(root, names);
	}

	/** The same schema in the same direction keeps the name that it got first. */
	#nameFor(id: string, definition: Json, io: "input" | "output"): string {
		const key = `${io} ${id}`;
		const name = this.#names.get(key) ?? this.#newName(id, definition, io);
		this.#names.set(key, name);
		return name;
	}

	#newName(id: string, definition: Json, io: "input" | "output"): string {
		const identity = new Map([[id, id]]);
		const known = this.schemas[id];
		if (!known || JSON.stringify(known) === JSON.stringify(renameRefs(definition, identity))) return id;
		return io === "input" ? `${id}Input` : `${id}Output`;
	}
}

function renameRefs<T>(value: T, names: ReadonlyMap<string, string>): T {
	return JSON.parse(JSON.stringify(value), (key, at: unknown) => {
		if (key !== "$ref" || typeof at !== "string") return at;
		const id = /^#\/\$defs\/(.+)$/.exec(at)?.[1];
		return id === undefined ? at : `#/components/schemas/${names.get(id) ?? id}`;
	}) as T;
}

function parametersOf(schema: z.ZodType | undefined, where: "path" | "query"): Json[] {
	if (!schema) return [];
	const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
	return Object.entries(properties).map(([name, property]) => {
		const { description, ...rest } = property as Record<string, unknown>;
		return {
			name,
			in: where,
			required: where === "path" || required.includes(name),
			...(description !== undefined && { description }),
			schema: rest,
		};
	});
}

function headerParameters(headers: Route["headers"]): Json[] {
	return Object.entries(headers ?? {}).map(([name, description]) => ({
		name,
		in: "header",
		required: false,
		description,
		schema: { type: "string" },
	}));
}

function requestBodyOf(route: Route, components: Components): Json | undefined {
	if (route.body) {
		const required = !route.body.safeParse(undefined).success;
		return { required, content: { "application/json": { schema: components.reference(route.body, "input") } } };
	}
	if (!route.rawBody) return undefined;
	const { contentTypes, description } = route.rawBody;
	return { required: true, description, content: Object.fromEntries(contentTypes.map((type) => [type, {}])) };
}

function successOf(route: Route, components: Components): Json {
	const { description, schema, contentType, headers } = route.response;
	const named = Object.entries(headers ?? {}).map(([name, meaning]) => [name, { description: meaning, schema: { type: "string" } }]);
	return {
		description,
		...(named.length > 0 && { headers: Object.fromEntries(named) }),
		...(schema && { content: { "application/json": { schema: components.reference(schema, "output") } } }),
		...(!schema && contentType && { content: { [contentType]: {} } }),
	};
}

/** Reasons that a route may answer with, its own and those of the plumbing in front of it. */
function reasonsOf(route: Route): Reason[] {
	const general: Reason[] = ["INTERNAL", "DRAINING"];
	if (route.params || route.query || route.body) general.push("INVALID_REQUEST");
	if (route.body) general.push("MALFORMED_BODY", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE");
	if (route.scope) general.push("UNAUTHENTICATED", "PERMISSION_DENIED");
	return [...new Set([...(route.errors ?? []), ...general])];
}

function failuresOf(route: Route, components: Components): [string, Json][] {
	const shape = route.errorShape ?? "problem";
	const type = shape === "problem" ? "application/problem+json" : "application/json";
	const byStatus = groupBy(reasonsOf(route), (reason) => REASONS[reason].http);
	return [...byStatus]
		.sort(([a], [b]) => a - b)
		.map(([status, reasons]) => [
			String(status),
			{ description: reasons.join(", "), content: { [type]: { schema: components.reference(ERROR_SCHEMAS[shape], "output") } } },
		]);
}

function operationOf(route: Route, components: Components, secured: boolean): Operation {
	const parameters = [...parametersOf(route.params, "path"), ...parametersOf(route.query, "query"), ...headerParameters(route.headers)];
	const requestBody = requestBodyOf(route, components);
	return {
		operationId: route.operationId,
		summary: route.summary,
		...(route.description !== undefined && { description: route.description }),
		...(route.tag !== undefined && { tags: [route.tag] }),
		...(secured && route.scope && { security: [{ bearer: [] }, { apiKey: [] }] }),
		...(parameters.length > 0 && { parameters }),
		...(requestBody && { requestBody }),
		responses: { [route.response.status]: successOf(route, components), ...Object.fromEntries(failuresOf(route, components)) },
	};
}

/** The document of the routes. Paths keep the order of declaration. */
export function openApiDocument({ title, version, description, routes, secured = true }: OpenApiOptions): OpenApiDocument {
	const components = new Components();
	const paths: Record<string, Record<string, Operation>> = {};
	for (const route of routes) {
		const path = openApiPath(route.path);
		paths[path] = { ...paths[path], [route.method]: operationOf(route, components, secured) };
	}
	const securitySchemes: Record<string, Json> = secured
		? { bearer: { type: "http", scheme: "bearer" }, apiKey: { type: "apiKey", in: "header", name: "x-api-key" } }
		: {};
	return {
		openapi: "3.1.0",
		info: { title, version, ...(description !== undefined && { description }) },
		paths,
		components: { schemas: components.schemas, securitySchemes },
	};
}
