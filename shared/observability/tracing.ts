/**
 * Traces in OpenTelemetry's form, sent as OTLP over HTTP where OTEL_EXPORTER_OTLP_ENDPOINT is set and made by nobody elsewhere. A trace
 * crosses processes as W3C traceparent: in a request's header, in the job's record, in the message that starts a training process, and
 * in the adapter's manifest, from where embed-service goes on with it. What a line of the log belongs to comes from the same scope.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
	/** W3C traceparent of another process' span; default: the span that this is called in. */
	readonly parent?: string | undefined;
	readonly attributes?: SpanAttributes;
	readonly kind?: "server" | "internal" | "producer" | "consumer";
	/** Milliseconds since 1970; default: now. */
	readonly startMs?: number | undefined;
}

/** A span that is under way; ended once. */
export interface OpenSpan {
	/** Runs work as a part of it, to its end or its error. */
	within<T>(work: () => T): T;
	set(attributes: SpanAttributes): void;
	end(error?: unknown): void;
}

export interface Tracing {
	begin(name: string, options?: SpanOptions): OpenSpan;
	/** Sends what has not been sent; at most some seconds. */
	close(): Promise<void>;
}

export interface TracingVariables {
	readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
}

interface Scope {
	readonly span: Span | undefined;
	readonly fields: Readonly<Record<string, string>>;
}

/** What the code that runs now is a part of: a chain of calls has one, the process has none. */
const scopes = new AsyncLocalStorage<Scope>();

/** Runs work of which each line of the log says these ids too. */
export function withLogFields<T>(fields: Readonly<Record<string, string>>, work: () => T): T {
	const outer = scopes.getStore();
	return scopes.run({ span: outer?.span, fields: { ...outer?.fields, ...fields } }, work);
}

/** Runs work that belongs to nothing that led to it: a job that a queue hands out as another one's request ends. */
export function detached<T>(work: () => T): T {
	return scopes.exit(work);
}

/** What a line of the log belongs to. */
export function logFields(): Readonly<Record<string, string>> {
	const scope = scopes.getStore();
	if (!scope) return {};
	return scope.span ? { ...scope.fields, trace_id: scope.span.spanContext().traceId } : scope.fields;
}

/** The W3C traceparent of the span that this runs in; undefined outside of traces. */
export function currentTraceparent(): string | undefined {
	const context = scopes.getStore()?.span?.spanContext();
	if (!context) return undefined;
	return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, "0")}`;
}

const NO_SPAN: OpenSpan = { within: (work) => work(), set: () => {}, end: () => {} };
/** Traces nothing, at no cost. */
export const NO_TRACING: Tracing = { begin: () => NO_SPAN, close: () => Promise.resolve() };

/** Sending what is left at the end must not keep a process from ending. */
const FLUSH_MS = 3000;

/** The process' tracing by its configuration; NO_TRACING without an endpoint. `delayMs`: how long spans are gathered. */
export function createTracing(service: string, { OTEL_EXPORTER_OTLP_ENDPOINT }: TracingVariables, delayMs = 1000): Tracing {
	if (OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return NO_TRACING;
	// The exporter reads OTEL_EXPORTER_OTLP_HEADERS and its other variables by itself.
	const exporter = new OTLPTraceExporter({ url: `${OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, "")}/v1/traces` });
	const provider = new TracerProvider({
		resource: defaultResource().merge(resourceFromAttributes({ "service.name": service })),
		spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: delayMs })],
	});
	const tracer = provider.getTracer("domain-adapter-kit");
	return {
		begin: (name, options = {}) => new TracedSpan(startSpan(tracer, name, options)),
		close: () => {
			const late = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
			return Promise.race([provider.shutdown().catch(() => {}), late]);
		},
	};
}

const KINDS = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER };

/** Attributes that have a value. */
const given = (attributes: SpanAttributes): Attributes =>
	Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));

function startSpan(tracer: Tracer, name: string, { parent, attributes = {}, kind = "internal", startMs }: SpanOptions): Span {
	const options = { kind: KINDS[kind], attributes: given(attributes), ...(startMs !== undefined && { startTime: startMs }) };
	return tracer.startSpan(name, options, parentContext(parent));
}

function parentContext(parent: string | undefined): Context {
	const remote = parent === undefined ? null : parseTraceParent(parent);
	if (remote) return trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
	const span = scopes.getStore()?.span;
	return span ? trace.setSpan(ROOT_CONTEXT, span) : ROOT_CONTEXT;
}

class TracedSpan implements OpenSpan {
	constructor(private readonly span: Span) {}

	within<T>(work: () => T): T {
		return scopes.run({ span: this.span, fields: scopes.getStore()?.fields ?? {} }, work);
	}

	set(attributes: SpanAttributes): void {
		this.span.setAttributes(given(attributes));
	}

	end(error?: unknown): void {
		if (error !== undefined) {
			// A message may quote what a user sent; its reason does not.
			const { reason, name } = error as { reason?: string; name?: string };
			this.span.setStatus({ code: SpanStatusCode.ERROR, message: reason ?? name ?? "error" });
		}
		this.span.end();
	}
}
