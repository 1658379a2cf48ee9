/** Metrics of every request of either protocol. Labels are route patterns and code names, never what a client sent. */
import type { Registry } from "prom-client";
import { createMetrics, exponential, gauge, histogram } from "./metric-table.js";

const LATENCY = exponential(0.001, 2, 16);

export const REQUEST_TABLE = {
	httpSeconds: histogram(
		"dak_http_request_seconds",
		"Time from a REST request's head to the end of its answer, seconds",
		LATENCY,
		"method",
		"route",
		"status",
	),
	httpInFlight: gauge("dak_http_requests_in_flight", "REST requests being answered"),
	grpcSeconds: histogram(
		"dak_grpc_request_seconds",
		"Time from a gRPC call's start to its status, seconds",
		LATENCY,
		"service",
		"method",
		"code",
	),
	grpcInFlight: gauge("dak_grpc_requests_in_flight", "gRPC calls being answered"),
} as const;

export interface HttpLabels {
	/** Upper case. */
	readonly method: string;
	/** The route's pattern; "unmatched" where none matched. */
	readonly route: string;
	readonly status: number;
}

export interface GrpcLabels {
	readonly service: string;
	readonly method: string;
	/** Name of the status code, such as OK. */
	readonly code: string;
}

/** Observes requests. Call `start…` when one begins, and what it returns once, when it ends. */
export interface RequestMetrics {
	startHttp(): (labels: HttpLabels) => void;
	startGrpc(): (labels: GrpcLabels) => void;
}

export function createRequestMetrics(registry: Registry): RequestMetrics {
	const metrics = createMetrics(REQUEST_TABLE, registry);
	return {
		startHttp() {
			const started = process.hrtime.bigint();
			metrics.httpInFlight.inc();
			return ({ method, route, status }) => {
				metrics.httpInFlight.dec();
				metrics.httpSeconds.observe({ method, route, status: String(status) }, secondsSince(started));
			};
		},
		startGrpc() {
			const started = process.hrtime.bigint();
			metrics.grpcInFlight.inc();
			return ({ service, method, code }) => {
				metrics.grpcInFlight.dec();
				metrics.grpcSeconds.observe({ service, method, code }, secondsSince(started));
			};
		},
	};
}

function secondsSince(started: bigint): number {
	return Number(process.hrtime.bigint() - started) / 1e9;
}
