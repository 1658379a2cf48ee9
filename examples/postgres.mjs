// Search in PostgreSQL before and after an adapter: a column of vectors for each. With pgvector where the server has it, else
// with arrays and the cosine in plain SQL.
import pg from "pg";
import { adapter, embedUrl, QUERY, TEXTS } from "./settings.mjs";

/** Unit vectors from embed-service. */
async function embed(inputs, name) {
	const response = await fetch(`${embedUrl}/embed`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ inputs, adapter: name }),
	});
	if (!response.ok) throw new Error(`${response.status}: ${(await response.json()).error}`);
	return response.json();
}

const db = new pg.Client(process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres");
await db.connect();
try {
	const { rowCount } = await db.query("SELECT FROM pg_available_extensions WHERE name = 'vector'");
	const pgvector = rowCount > 0;
	if (pgvector) await db.query("CREATE EXTENSION IF NOT EXISTS vector");
	console.log(pgvector ? "with pgvector" : "without pgvector: the cosine is plain SQL");

	const models = adapter ? { before: undefined, after: adapter } : { before: undefined };
	const { dimension } = await (await fetch(`${embedUrl}/info`)).json();
	const type = pgvector ? `vector(${dimension})` : "double precision[]";
	const value = (vector) => (pgvector ? JSON.stringify(vector) : vector);
	// Unit vectors: their product is the cosine.
	const score = (column) =>
		pgvector ? `-(${column} <#> $1)` : `(SELECT sum(a * b) FROM unnest(${column}, $1::double precision[]) AS pair(a, b))`;

	// The table goes with the connection.
	await db.query("CREATE TEMPORARY TABLE titles (id serial PRIMARY KEY, text text NOT NULL)");
	for (const text of TEXTS) await db.query("INSERT INTO titles (text) VALUES ($1)", [text]);
	for (const [column, name] of Object.entries(models)) {
		await db.query(`ALTER TABLE titles ADD COLUMN ${column} ${type}`);
		for (const [i, vector] of (await embed(TEXTS, name)).entries())
			await db.query(`UPDATE titles SET ${column} = $1 WHERE id = $2`, [value(vector), i + 1]);
		if (pgvector) await db.query(`CREATE INDEX ON titles USING hnsw (${column} vector_ip_ops)`);

		const [query] = await embed([QUERY], name);
		const { rows } = await db.query(`SELECT text, ${score(column)} AS score FROM titles ORDER BY score DESC LIMIT 3`, [value(query)]);
		console.log(`${column}: ${name ?? "base"}`);
		for (const row of rows) console.log(`  ${Number(row.score).toFixed(4)}  ${row.text}`);
	}
} finally {
	await db.end();
}
