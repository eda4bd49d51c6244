import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { rootDir } from './built.ts';
import type { OnClose } from './closing.ts';
import { listen } from './listen.ts';
import { trace } from './traces.ts';
import { until } from './until.ts';

/** A span as it came, read by OTLP's own messages. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** undefined: the first of its trace */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface SpanReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Everything that came, as JSON. */
  readonly texts: string[];
  readonly requests: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[];
  /** With which status it answers; default 200. */
  status: number;
  /** Waits for all spans of a trace. @param isWhole whether these are all */
  untilTrace(traceId: string, isWhole: (spans: readonly ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]>;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

interface ExportRequest {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: KeyValue[] };
    readonly scopeSpans: {
      readonly spans: {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: string;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly status?: { readonly code?: string };
        readonly attributes: KeyValue[];
      }[];
    }[];
  }[];
}

const protoDir = join(rootDir, 'test/data/opentelemetry-proto');
const type = 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest';

/** A receiver of traces over OTLP/HTTP, which reads what comes by the protocol's own files. */
export async function startSpanReceiver(onClose: OnClose): Promise<SpanReceiver> {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(protoDir, target);
  const message = root.loadSync('opentelemetry/proto/collector/trace/v1/trace_service.proto').lookupType(type);
  const options = { longs: String, enums: String, bytes: String, arrays: true, objects: true };
  const url = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      receiver.requests.push({ path: request.url, headers: request.headers });
      if (receiver.status === 200) {
        const read = message.toObject(message.decode(Buffer.concat(chunks)), options) as ExportRequest;
        const text = JSON.stringify(read);
        trace('spans', text);
        receiver.texts.push(text);
        receiver.spans.push(...toSpans(read));
      }
      response.writeHead(receiver.status, { 'content-type': 'application/x-protobuf' }).end();
    });
  }, onClose);
  const receiver: SpanReceiver = {
    url,
    spans: [],
    texts: [],
    requests: [],
    status: 200,
    async untilTrace(traceId, isWhole) {
      const ofTrace = () => receiver.spans.filter((span) => span.traceId === traceId);
      await until(`trace ${traceId} is whole`, () => isWhole(ofTrace()));
      return ofTrace();
    },
  };
  return receiver;
}

function toSpans({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: toHex(span.traceId),
        spanId: toHex(span.spanId),
        parentSpanId: span.parentSpanId ? toHex(span.parentSpanId) : undefined,
        name: span.name,
        kind: span.kind,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
        isError: span.status?.code === 'STATUS_CODE_ERROR',
        attributes: toRecord(span.attributes),
        resource: toRecord(resource.attributes),
      })),
    ),
  );
}

const toHex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

function toRecord(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.boolValue ??
        (value.intValue === undefined ? value.doubleValue : Number(value.intValue)),
    ]),
  );
}
