/** grpc.health.v1 with Check, List and Watch. */
import { EventEmitter, on } from "node:events";
import type { DescService } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import { DakError } from "../errors/index.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/grpc/health/v1/health_pb.js";
import { addProtoService, type GrpcServiceOptions } from "./grpc-service.js";

/** Whether each service takes calls; "" is the server as a whole. */
export class HealthStatus {
	readonly #statuses: Map<string, Status>;
	readonly #changes = new EventEmitter().setMaxListeners(0);

	constructor(services: readonly string[]) {
		this.#statuses = new Map(["", ...services].map((name) => [name, Status.NOT_SERVING]));
	}

	/** Says for all services whether calls are taken. */
	setServing(serving: boolean): void {
		for (const name of this.#statuses.keys()) this.#statuses.set(name, serving ? Status.SERVING : Status.NOT_SERVING);
		this.#changes.emit("change");
	}

	/** Undefined for a service that is not here. */
	get(service: string): Status | undefined {
		return this.#statuses.get(service);
	}

	entries(): [string, Status][] {
		return [...this.#statuses];
	}

	/** The status now, then each change, until the signal aborts. */
	async *watch(service: string, signal: AbortSignal): AsyncGenerator<Status> {
		const changes = on(this.#changes, "change", { signal });
		let last: Status | undefined;
		try {
			for (;;) {
				const status = this.get(service) ?? Status.SERVICE_UNKNOWN;
				if (status !== last) yield status;
				last = status;
				await changes.next();
			}
		} catch (error) {
			if (!signal.aborted) throw error;
		}
	}
}

export interface OpenOptions extends Omit<GrpcServiceOptions<DescService>, "scopes" | "draining"> {
	/** Groups of operations that need no key, as in REST; the others need the scope read. All by default. */
	readonly open?: readonly string[];
}

/** The scope of every method of a service that belongs to a group of operations. */
export function scopesOf<S extends DescService>(
	desc: S,
	group: string,
	open: readonly string[] | undefined,
): Pick<GrpcServiceOptions<S>, "scopes"> {
	if (open === undefined || open.includes(group)) return {};
	return {
		scopes: Object.fromEntries(desc.methods.map(({ localName }) => [localName, "read"])) as NonNullable<GrpcServiceOptions<S>["scopes"]>,
	};
}

/** Serves the health of a server, also while draining. */
export function addHealth(server: Server, health: HealthStatus, options: OpenOptions): void {
	addProtoService(
		server,
		Health,
		{
			check({ service }) {
				const status = health.get(service);
				if (status === undefined) throw new DakError("ROUTE_NOT_FOUND", `no service "${service}" here`);
				return { status };
			},
			list: () => ({ statuses: Object.fromEntries(health.entries().map(([name, status]) => [name, { status }])) }),
			async *watch({ service }, { signal }) {
				for await (const status of health.watch(service, signal)) yield { status };
			},
		},
		{ logger: options.logger, metrics: options.metrics, keys: options.keys, ...scopesOf(Health, "health", options.open) },
	);
}
