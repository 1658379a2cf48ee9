import { expect, test } from "vitest";
import { z } from "zod";
import { openApiDocument, route } from "./index.js";

const settings = z.object({ size: z.int().default(3) }).meta({ id: "Settings" });
const thing = z.object({ id: z.string(), settings }).meta({ id: "Thing" });

const routes = [
	route({
		method: "post",
		path: "/things",
		operationId: "create",
		summary: "Make one",
		body: settings,
		response: { status: 201, description: "It", schema: thing },
	}).handle(() => ({ body: { id: "1", settings: { size: 3 } } })),
	route({
		method: "get",
		path: "/things",
		operationId: "list",
		summary: "All",
		response: { status: 200, description: "They", schema: z.array(thing) },
	}).handle(() => ({ body: [] })),
];

test("a schema that reads differently as input and output has two names, and each keeps its name in every route", () => {
	const { components, paths } = openApiDocument({ title: "t", version: "1", routes });
	expect(Object.keys(components.schemas).filter((name) => name !== "Problem")).toEqual(["Settings", "Thing", "SettingsOutput"]);
	expect(components.schemas.Thing).toMatchObject({ properties: { settings: { $ref: "#/components/schemas/SettingsOutput" } } });
	expect(JSON.stringify(paths["/things"]!.get)).toContain('"#/components/schemas/Thing"');
	expect(JSON.stringify(paths["/things"]!.post)).toContain('"#/components/schemas/Settings"');
});
