/**
 * A REST server's connections while it drains. HTTP has no way to say on a kept connection that no further request is welcome but in
 * an answer: one that is closed while its client sends the next request is a failure that the client cannot tell from a lost answer.
 * So every answer says that it is the last, and only connections that have been quiet for a while are closed without one.
 */
import type { Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";

const QUIET_MS = 100;
const LOOK_MS = 20;

interface Connection {
	/** Requests that are not answered yet. */
	open: number;
	/** Read from it when it was last looked at. */
	bytes: number;
	/** It has been quiet since then. */
	quietSince: number;
}

export class Connections {
	readonly #connections = new Map<Socket, Connection>();
	readonly #answers = new Set<ServerResponse>();
	#draining = false;

	/** Of a server that does not listen yet. `secure`: over TLS. */
	constructor(
		private readonly server: Server,
		secure: boolean,
	) {
		server.on(secure ? "secureConnection" : "connection", (socket: Socket) => this.#opened(socket));
		server.prependListener("request", (_, answer: ServerResponse) => this.#asked(answer));
	}

	/** Takes no more connections; resolves once all are closed. */
	drain(): Promise<void> {
		this.#draining = true;
		// Node's own close of an HTTP server closes idle connections at once.
		const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
		for (const answer of this.#answers) sayLast(answer);
		this.#closeQuiet();
		const looking = setInterval(() => this.#closeQuiet(), LOOK_MS);
		return closed.finally(() => {
			clearInterval(looking);
			// Ends the timers that it has as an HTTP server.
			this.server.close();
		});
	}

	#opened(socket: Socket): void {
		this.#connections.set(socket, { open: 0, bytes: 0, quietSince: performance.now() });
		socket.once("close", () => this.#connections.delete(socket));
	}

	#asked(answer: ServerResponse): void {
		const { socket } = answer.req;
		const connection = this.#connections.get(socket);
		if (connection) connection.open++;
		this.#answers.add(answer);
		if (this.#draining) sayLast(answer);
		answer.once("close", () => {
			this.#answers.delete(answer);
			if (!connection) return;
			connection.open--;
			connection.bytes = socket.bytesRead;
			connection.quietSince = performance.now();
		});
	}

	#closeQuiet(): void {
		const now = performance.now();
		for (const [socket, connection] of this.#connections) {
			if (connection.bytes !== socket.bytesRead) connection.quietSince = now;
			connection.bytes = socket.bytesRead;
			if (connection.open === 0 && now - connection.quietSince >= QUIET_MS) socket.destroy();
		}
	}
}

function sayLast(answer: ServerResponse): void {
	if (!answer.headersSent) answer.setHeader("connection", "close");
}
