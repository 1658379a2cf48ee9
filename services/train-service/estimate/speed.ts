/** How fast a device is at the two things that a step spends its time on, measured with ONNX Runtime in a fraction of a second. */
import { add, exp, Graph, matmul, mul, serializeGraph, type Value } from "@dak/shared/graph";
import type { NodeCost } from "@dak/shared/nn";
import { type Device, float32, Session } from "@dak/shared/runtime";

export interface DeviceSpeed {
	/** Of matrix products. */
	readonly flopsPerSecond: number;
	/** Bytes read and written by everything else. */
	readonly bytesPerSecond: number;
}

/** Shapes of a step's products: rows of a batch, hidden size, intermediate size. */
const [ROWS, HIDDEN, WIDE] = [1024, 384, 1536];
const MEASURE_MS = 150;
/** Start of a node, about. */
const NODE_SECONDS = 5e-6;

async function secondsOf(build: (graph: Graph, x: Value) => Value, width: number, device: Device, threads: number): Promise<number> {
	const graph = new Graph("speed");
	graph.output("y", build(graph, graph.input("x", "float32", [ROWS, width])));
	const session = await Session.create(serializeGraph(graph), { device, threads, memory: "lean" });
	const feeds = { x: float32(new Float32Array(ROWS * width).fill(0.1), [ROWS, width]) };
	try {
		await session.run(feeds);
		let [runs, started] = [0, performance.now()];
		let best = Number.POSITIVE_INFINITY;
		const end = started + MEASURE_MS;
		while (runs < 2 || performance.now() < end) {
			started = performance.now();
			await session.run(feeds);
			best = Math.min(best, performance.now() - started);
			runs++;
		}
		return best / 1000;
	} finally {
		await session.dispose();
	}
}

/** @throws RUNTIME_FAILED if the device does not run the graphs */
export async function measureSpeed(device: Device, threads: number): Promise<DeviceSpeed> {
	const weight = (graph: Graph) => graph.constant("w", "float32", [HIDDEN, WIDE], new Float32Array(HIDDEN * WIDE).fill(0.01));
	const there = (x: Value) => matmul(x, weight(x.graph));
	const back = (x: Value) => matmul(x, weight(x.graph), { transB: true });
	// Several operators in a row: the way of the result to JavaScript is no part of a step.
	const products = await secondsOf((_, x) => back(there(back(there(x)))), HIDDEN, device, threads);
	const pointwise = await secondsOf(
		(_, x) => mul(exp(mul(add(mul(exp(mul(add(x, 0.1), 0.1)), 0.1), 0.1), 0.1)), 0.1),
		WIDE,
		device,
		threads,
	);
	return { flopsPerSecond: (4 * 2 * ROWS * HIDDEN * WIDE) / products, bytesPerSecond: (8 * 8 * ROWS * WIDE) / pointwise };
}

/** Seconds of a graph's run. */
export const secondsFor = ({ flops, bytes, nodes }: NodeCost, speed: DeviceSpeed): number =>
	flops / speed.flopsPerSecond + bytes / speed.bytesPerSecond + nodes * NODE_SECONDS;
