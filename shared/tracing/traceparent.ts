/** A span of somebody else's, as W3C Trace Context names it (https://www.w3.org/TR/trace-context/#traceparent-header). */
export interface RemoteSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Later versions may have more behind a dash; version 00 has not, and ff is none. */
const shape = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longest = 512;

/** @returns undefined for what is none: then the trace begins here */
export function parseTraceparent(text: string | undefined): RemoteSpan | undefined {
  if (text === undefined || text.length > longest) return undefined;
  const [, version, traceId, spanId, flags, more] = shape.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function renderTraceparent({ traceId, spanId }: Omit<RemoteSpan, 'isSampled'>): string {
  return `00-${traceId}-${spanId}-01`;
}
