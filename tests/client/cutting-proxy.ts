/** A TCP proxy that cuts connections: once through, after so many bytes from behind it. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
	readonly port: number;
	/** Connections that were cut. */
	readonly cuts: number;
	close(): void;
}

/** Forwards to `target`; each connection is destroyed after `bytes` of answers, `times` times in all. */
export async function cuttingProxy(target: number, bytes: number, times: number): Promise<CuttingProxy> {
	let cuts = 0;
	const sockets = new Set<Socket>();
	const server = createServer((near) => {
		const far = connect(target, "127.0.0.1");
		let passed = 0;
		const end = () => {
			near.destroy();
			far.destroy();
		};
		for (const socket of [near, far]) {
			sockets.add(socket);
			socket.on("error", end).on("close", end);
		}
		near.pipe(far);
		far.on("data", (piece: Buffer) => {
			passed += piece.length;
			// The piece in hand is lost in its middle.
			if (passed > bytes && cuts < times) {
				cuts++;
				near.write(piece.subarray(0, piece.length >> 1), end);
			} else near.write(piece);
		});
	});
	await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
	return {
		port: (server.address() as AddressInfo).port,
		get cuts() {
			return cuts;
		},
		close() {
			server.close();
			for (const socket of sockets) socket.destroy();
		},
	};
}
