/** Whether Redis answers, in its own words: no client library is needed for a PING. */
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { reasonOf } from "../failure.js";
import { type Finding, fail, ok } from "./finding.js";

const ANSWER_MS = 5_000;

/** A command in RESP. */
const command = (...words: string[]): string =>
	`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

/** Logs in where the URL says so, and asks for a PONG. @throws Error with what Redis or the network says */
export function pingRedis(url: URL): Promise<void> {
	const port = Number(url.port || 6379);
	const host = url.hostname.replace(/^\[|\]$/g, "");
	return new Promise((resolve, reject) => {
		const socket = url.protocol === "rediss:" ? connectTls({ host, port, servername: host }) : connect({ host, port });
		const end = (error?: Error) => {
			socket.destroy();
			if (error) reject(error);
			else resolve();
		};
		socket.setTimeout(ANSWER_MS, () => end(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
		socket.on("error", end).on("close", () => end(new Error("the connection was closed")));
		let answer = "";
		socket.on("data", (piece) => {
			answer += String(piece);
			const refused = /^-(.*)\r$/m.exec(answer)?.[1];
			if (refused !== undefined) end(new Error(refused));
			else if (answer.includes("+PONG")) end();
		});
		const login =
			url.password === ""
				? ""
				: command("AUTH", ...(url.username ? [decodeURIComponent(url.username)] : []), decodeURIComponent(url.password));
		socket.write(login + command("PING"));
	});
}

export async function checkRedis(text: string | undefined): Promise<Finding> {
	if (!text) return ok("Redis", "not asked for: the job queue is the embedded one");
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (!url || !/^rediss?:$/.test(url.protocol))
		return fail("Redis", "DAK_REDIS_URL is no redis:// address", "allowed: redis://[user:password@]host:port");
	try {
		await pingRedis(url);
		return ok("Redis", `${url.host} answers`);
	} catch (error) {
		return fail("Redis", `${url.host}: ${reasonOf(error)}`, "start Redis, or mend DAK_REDIS_URL; without it the embedded queue is used");
	}
}
