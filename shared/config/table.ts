/** The configuration as people read it: Markdown for the README, and the values in force with secrets masked. */
import { configSchema, type Environment } from "./schema.js";

interface Row {
	readonly name: keyof Environment;
	readonly fallback: string;
	readonly meaning: string;
}

/** One row a variable, in the schema's order. */
export function configRows(): Row[] {
	return Object.entries(configSchema.shape).map(([name, schema]) => {
		const parsed = schema.safeParse(undefined);
		const computed = name === "DAK_THREADS";
		return {
			name: name as keyof Environment,
			fallback: computed || !parsed.success || parsed.data === undefined ? "" : String(parsed.data),
			meaning: schema.description ?? "",
		};
	});
}

/** The README's configuration table. */
export function configTable(): string {
	const rows = configRows().map((row) => `| \`${row.name}\` | ${row.fallback && `\`${row.fallback}\``} | ${row.meaning} |`);
	return ["| variable | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

/** The variables' values, whether valid or not; secrets as `***`. */
export function masked(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(configSchema.shape).map(([name, schema]) => {
			const secret = (schema.meta() as { secret?: boolean } | undefined)?.secret === true;
			return [name, secret && values[name] !== undefined ? "***" : values[name]];
		}),
	);
}

/** The values in force; secrets as `***`. */
export function maskedConfig(config: Environment): Record<string, unknown> {
	return masked(config);
}
