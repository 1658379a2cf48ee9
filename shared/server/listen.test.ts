import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type Listening, serveRest } from "./index.js";

/** Answers after so many milliseconds as its path says. */
async function serve(): Promise<Listening> {
	const listening = await serveRest((req, res) => void setTimeout(() => res.end("ok"), Number(req.url!.slice(1))), "127.0.0.1", 0);
	onTestFinished(() => listening.drain(0));
	return listening;
}

/** One connection, kept between requests. */
function client({ port }: Listening) {
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	onTestFinished(() => agent.destroy());
	return (ms: number): Promise<IncomingMessage> =>
		new Promise((resolve, reject) => {
			const sent = request({ agent, host: "127.0.0.1", port, path: `/${ms}` }, (answer) => {
				answer.resume().on("end", () => resolve(answer));
			});
			sent.on("error", reject).end();
		});
}

test("a request that follows an answer at once is answered while the server drains, as the connection's last", async () => {
	const server = await serve();
	const ask = client(server);
	expect((await ask(0)).headers.connection).toBe("keep-alive");
	const drained = server.drain(5000);
	await sleep(20);
	expect(await ask(0)).toMatchObject({ statusCode: 200, headers: { connection: "close" } });
	await drained;
	await expect(ask(0)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("an answer that is under way when the server begins to drain is its connection's last", async () => {
	const server = await serve();
	const answer = client(server)(200);
	await sleep(50);
	const drained = server.drain(5000);
	expect(await answer).toMatchObject({ statusCode: 200, headers: { connection: "close" } });
	await drained;
});

test("connections that are quiet do not hold up the end", async () => {
	const server = await serve();
	await client(server)(0);
	await sleep(200);
	const started = performance.now();
	await server.drain(5000);
	expect(performance.now() - started).toBeLessThan(1000);
});
