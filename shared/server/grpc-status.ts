/**
 * DakError to a gRPC status and back. The status carries google.rpc details (ErrorInfo, BadRequest, RetryInfo) as every gRPC
 * library reads them, in the `grpc-status-details-bin` trailer.
 */
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Any, anyPack, anyUnpack, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { DakError, type FieldViolation, GRPC_CODES, REASONS, type Reason } from "../errors/index.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";

const DETAILS = "grpc-status-details-bin";
const DOMAIN = "dak";
/** Trailers are limited to some KiB by most peers, so what grows with the request is cut. */
const MAX_MESSAGE = 1500;
const MAX_FIELDS = 20;
const MAX_FIELD = 150;

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 3)}...`);

function detailsOf(error: DakError): Any[] {
	const metadata = Object.fromEntries(Object.entries(error.details).map(([key, value]) => [key, String(value)]));
	const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: error.reason, domain: DOMAIN, metadata }))];
	if (error.fields.length > 0) {
		const fieldViolations = error.fields
			.slice(0, MAX_FIELDS)
			.map(({ pointer, detail }) => ({ field: cut(pointer, MAX_FIELD), description: cut(detail, MAX_FIELD) }));
		details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
	}
	if (error.retryAfterMs !== undefined) {
		const retryDelay = durationFromMs(Math.round(error.retryAfterMs));
		details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
	}
	return details;
}

/** The status that a call ends with; `trailer` gets the details. */
export function grpcStatus(error: DakError, trailer = new Metadata()): StatusObject {
	const code = GRPC_CODES[error.row.grpc];
	const message = cut(error.message, MAX_MESSAGE);
	const body = create(StatusSchema, { code, message, details: detailsOf(error) });
	trailer.set(DETAILS, Buffer.from(toBinary(StatusSchema, body)));
	return { code, details: message, metadata: trailer };
}

/** What a peer's status without our details means. */
const BY_CODE: Readonly<Record<number, Reason>> = {
	[status.CANCELLED]: "CANCELLED",
	[status.INVALID_ARGUMENT]: "INVALID_REQUEST",
	[status.DEADLINE_EXCEEDED]: "DEADLINE_EXCEEDED",
	[status.NOT_FOUND]: "ROUTE_NOT_FOUND",
	[status.PERMISSION_DENIED]: "PERMISSION_DENIED",
	[status.RESOURCE_EXHAUSTED]: "OVERLOADED",
	[status.UNIMPLEMENTED]: "NOT_IMPLEMENTED",
	[status.UNAVAILABLE]: "UNAVAILABLE",
	[status.UNAUTHENTICATED]: "UNAUTHENTICATED",
};

/** The reason of a status that carries none. */
function guessReason({ code, details }: ServiceError): Reason {
	// grpc-js refuses a message over the limit by itself, with the code of an overload.
	if (code === status.RESOURCE_EXHAUSTED && /larger than max/i.test(details)) return "PAYLOAD_TOO_LARGE";
	return BY_CODE[code] ?? "INTERNAL";
}

function unpackDetails(error: ServiceError): Any[] {
	const [bytes] = error.metadata?.get(DETAILS) ?? [];
	if (!(bytes instanceof Uint8Array)) return [];
	try {
		return fromBinary(StatusSchema, bytes).details;
	} catch {
		return [];
	}
}

function find<T extends Message>(details: readonly Any[], schema: GenMessage<T>): T | undefined {
	for (const detail of details) {
		const message = anyUnpack(detail, schema);
		if (message) return message as T;
	}
	return undefined;
}

/** The DakError that a call's failure stands for; with the server's own reason, fields and delay where it sent them. */
export function fromGrpcError(error: ServiceError): DakError {
	const details = unpackDetails(error);
	const info = find(details, ErrorInfoSchema);
	const known = info?.domain === DOMAIN && Object.hasOwn(REASONS, info.reason) ? (info.reason as Reason) : undefined;
	const violations = find(details, BadRequestSchema)?.fieldViolations ?? [];
	const delay = find(details, RetryInfoSchema)?.retryDelay;
	return new DakError(known ?? guessReason(error), error.details || error.message, {
		fields: violations.map(({ field, description }): FieldViolation => ({ pointer: field, detail: description })),
		...(info && { details: info.metadata }),
		...(delay && { retryAfterMs: durationMs(delay) }),
		cause: error,
	});
}
