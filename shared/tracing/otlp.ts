import { hostname } from 'node:os';
import { ROOT_CONTEXT, SpanKind as Kind, SpanStatusCode, trace, TraceFlags, type Context } from '@opentelemetry/api';
import type { Span as OtelSpan, Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { TracingSettings } from '../config/tracing.ts';
import { readVersion } from '../metrics/version.ts';
import { createNameLookup, toLookupFunction } from '../network/name-lookup.ts';
import { createSampler } from './sampler.ts';
import type { Attributes, Span, SpanKind, Tracing } from './span.ts';
import { parseTraceparent, renderTraceparent, type RemoteSpan } from './traceparent.ts';

/** A batch that is not taken within this is lost; shorter than the time that a step of the orderly end has. */
const exportTimeoutMs = 3000;
const sendEveryMs = 1000;
const kinds: Readonly<Record<SpanKind, Kind>> = {
  server: Kind.SERVER,
  consumer: Kind.CONSUMER,
  client: Kind.CLIENT,
  internal: Kind.INTERNAL,
};

/** Spans to an OTLP receiver, in batches and in the background. While it is away they are dropped; no request waits for it. */
export function createTracing(
  { url, headers, serviceName, ratio, followsClients }: TracingSettings,
  role: 'web' | 'worker',
  onFailure: (error: unknown) => void,
): Tracing {
  const version = readVersion();
  const names = createNameLookup();
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: exportTimeoutMs,
    // Batch after batch is given up before a name that nobody answers for is: log-ins have better use for the threads that wait for it.
    httpAgentOptions: { keepAlive: true, lookup: toLookupFunction(names) },
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.namespace': 'wafer-session',
      'service.version': version,
      'service.instance.id': `${hostname()}-${process.pid}`,
      'wafer.role': role,
    }),
    // What is not to be traced does not come this far.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new BatchSpanProcessor(tellFailures(exporter, onFailure), { scheduledDelayMillis: sendEveryMs })],
  });
  const tracer = provider.getTracer('wafer-session', version);
  const sampler = createSampler({ ratio, followsClients });
  return {
    begin(name, traceparent) {
      if (traceparent === undefined) return sampler.takesNew() ? start(tracer, name, 'server') : undefined;
      const remote = parseTraceparent(traceparent);
      return sampler.takes(remote) ? start(tracer, name, 'server', {}, remote) : undefined;
    },
    continue(name, traceparent, attributes) {
      const remote = parseTraceparent(traceparent);
      return remote === undefined ? undefined : start(tracer, name, 'consumer', attributes, remote);
    },
    async close() {
      await provider.shutdown();
      names.close();
    },
  };
}

function start(tracer: Tracer, name: string, kind: SpanKind, attributes: Attributes = {}, parent?: RemoteSpan): Span {
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  return startIn(tracer, context, name, kind, attributes);
}

function startIn(tracer: Tracer, context: Context, name: string, kind: SpanKind, attributes: Attributes): Span {
  return new TracedSpan(tracer, tracer.startSpan(name, { kind: kinds[kind], attributes: { ...attributes } }, context));
}

class TracedSpan implements Span {
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;

  constructor(tracer: Tracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get traceparent(): string {
    return renderTraceparent(this.#span.spanContext());
  }

  begin(name: string, kind: SpanKind, attributes: Attributes = {}): Span {
    return startIn(this.#tracer, trace.setSpan(ROOT_CONTEXT, this.#span), name, kind, attributes);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes({ ...attributes });
  }

  fail(): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.#span.end();
  }
}

/** The exporter itself tells nobody. */
function tellFailures(exporter: SpanExporter, onFailure: (error: unknown) => void): SpanExporter {
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) onFailure(result.error);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
