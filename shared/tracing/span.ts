/**
 * All that a span may say. A closed list, since a trace leaves for another system: no id of a session or user, no skey, code, key, profile
 * or secret, no query of a URL, no words of an error.
 */
export interface Attributes {
  readonly 'http.request.method'?: 'GET' | 'POST';
  readonly 'http.route'?: '/mina_auth/' | '/forward-auth';
  readonly 'http.response.status_code'?: number;
  /** Of the other side: a host alone. */
  readonly 'server.address'?: string;
  /** Without the query, which holds secret and code. */
  readonly 'url.path'?: string;
  readonly 'db.system.name'?: 'mysql' | 'redis';
  readonly 'db.collection.name'?: 'cSessionInfo';
  readonly 'messaging.system'?: 'bullmq';
  readonly 'messaging.destination.name'?: 'login' | 'session';
  readonly 'wafer.appid'?: string;
  readonly 'wafer.return_code'?: number;
  /** As `X-Wafer-Reason` has it, and for WeChat why there is no answer. */
  readonly 'wafer.reason'?: string;
  /** Where a check found its session. */
  readonly 'wafer.lookup'?: 'remembered' | 'cached' | 'confirmed';
  /** In whole milliseconds, from the call to its start in a worker, by Redis's clock. */
  readonly 'wafer.queued_ms'?: number;
}

/** `server` answers a request, `consumer` a call from the queue, `client` waits for another system or process. */
export type SpanKind = 'server' | 'consumer' | 'client' | 'internal';

/** A part of a request that is traced. Of one that is not there is none: everything takes `Span | undefined`. */
export interface Span {
  readonly traceId: string;
  /** For whoever is asked meanwhile: this is what it does it for. */
  readonly traceparent: string;
  begin(name: string, kind: SpanKind, attributes?: Attributes): Span;
  set(attributes: Attributes): void;
  /** It did not do what it is for. */
  fail(): void;
  end(): void;
}

export interface Tracing {
  /**
   * A request has come. @param traceparent as its client sent it
   * @returns undefined for one that is not traced
   */
  begin(name: string, traceparent: string | undefined): Span | undefined;
  /** A call that another process of ours has made for a request that it traces. */
  continue(name: string, traceparent: string | undefined, attributes: Attributes): Span | undefined;
  /** Sends what there is. */
  close(): Promise<void>;
}

/** Work as a span of its own, which fails with it. */
export function inSpan<Result>(
  parent: Span | undefined,
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  work: (span: Span | undefined) => Promise<Result>,
): Promise<Result> {
  return parent === undefined ? work(undefined) : workIn(parent.begin(name, kind, attributes), work);
}

async function workIn<Result>(span: Span, work: (span: Span) => Promise<Result>): Promise<Result> {
  try {
    return await work(span);
  } catch (error) {
    span.fail();
    throw error;
  } finally {
    span.end();
  }
}

export const ofMysql: Attributes = { 'db.system.name': 'mysql', 'db.collection.name': 'cSessionInfo' };
export const ofRedis: Attributes = { 'db.system.name': 'redis' };
