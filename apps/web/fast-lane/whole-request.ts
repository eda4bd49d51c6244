import { maxHeaderBytes } from '../http/limits.ts';
import type { Credentials } from '../routes/forward-auth.ts';

/** A POST whose head and body came together, as nearly every request of the protocol comes; or a GET without a body. */
export interface WholeRequest {
  readonly head: Head;
  readonly body: Buffer;
}

export interface Head {
  readonly url: string;
  /** `X-Request-Id`, as it was sent. */
  readonly requestId: string | undefined;
  /** As it was sent. */
  readonly traceparent: string | undefined;
  /** Where the request may have come from; in the form that Node gives headers, for those who judge clients. */
  readonly headers: { readonly 'x-forwarded-for'?: string };
  /** Of a GET: what forward auth checks. */
  readonly credentials?: Credentials;
  /** From the first byte of the request to the first of its body. */
  readonly headBytes: number;
  readonly bodyBytes: number;
}

/** RFC 9112, 3: the two methods and the one version here, and a target in origin form. */
const requestLine = /(POST|GET) (\/[\w./~-]*) HTTP\/1\.1\r\n/y;
/** RFC 9110, 5.1 and 5.5: a token, and a value without control characters. A folded line is none, nor one that ends in a bare LF or CR. */
const headerLine = /([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)\r\n/y;
const decimal = /^\d{1,8}$/;

/** Whatever says that the body is not simply so many bytes, or that something is to be said before, behind or instead of the answer. */
const forNode = new Set(['transfer-encoding', 'expect', 'upgrade', 'trailer', 'te', 'proxy-connection']);

/** What is made use of here: said twice, it is Node's to choose. */
const readOnce = new Set([
  'host',
  'content-length',
  'connection',
  'x-request-id',
  'traceparent',
  'x-forwarded-for',
  'x-wx-id',
  'x-wx-skey',
  'x-wafer-appid',
]);

/** Heads longer than this are read anew for each request: what is remembered lasts as long as the connection. */
const longestRemembered = 1024;

/**
 * Reads what is exactly one plain request. Anything else is Node's to read, and to judge: what is broken, late, in pieces, more than one, asks to
 * end the connection, or says one thing twice. It is stricter than Node throughout, so that nothing is a request here that is none there.
 * @returns for one connection: gives undefined for what is not one
 */
export function createRequestReader(): (bytes: Buffer) => WholeRequest | undefined {
  /** As a rule the requests of a connection begin with the same bytes, up to the body. Never with credentials in them. */
  let last: { readonly bytes: Buffer; readonly head: Head } | undefined;

  return (bytes) => {
    const head = last !== undefined && startsWith(bytes, last.bytes) ? last.head : readHead(bytes);
    if (head === undefined || bytes.length - head.headBytes !== head.bodyBytes) return undefined;
    if (head !== last?.head && isSteady(head)) {
      // A copy: a part would keep the whole.
      const copy = Buffer.allocUnsafeSlow(head.headBytes);
      bytes.copy(copy);
      last = { bytes: copy, head };
    }
    return { head, body: bytes.subarray(head.headBytes) };
  };
}

function isSteady({ headBytes, requestId, traceparent, credentials }: Head): boolean {
  const isOfOne = requestId !== undefined || traceparent !== undefined || credentials !== undefined;
  return headBytes <= longestRemembered && !isOfOne;
}

function startsWith(bytes: Buffer, beginning: Buffer): boolean {
  return bytes.length >= beginning.length && beginning.compare(bytes, 0, beginning.length) === 0;
}

function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1') + 2;
  if (end < 2 || end > maxHeaderBytes) return undefined;
  const text = bytes.toString('latin1', 0, end);
  requestLine.lastIndex = 0;
  const [, method, url] = requestLine.exec(text) ?? [];
  if (url === undefined) return undefined;

  const once = new Map<string, string>();
  for (let at = requestLine.lastIndex; at < end; at = headerLine.lastIndex) {
    headerLine.lastIndex = at;
    const line = headerLine.exec(text);
    if (line === null) return undefined;
    const name = (line[1] as string).toLowerCase();
    if (forNode.has(name)) return undefined;
    if (!readOnce.has(name)) continue;
    if (once.has(name)) return undefined;
    const value = line[2] as string;
    if (value.includes('\t')) return undefined;
    once.set(name, withoutTrailingBlanks(value));
  }
  const isGet = method === 'GET';
  // Without a length a GET has no body; with one, Node knows.
  const length = isGet ? '0' : once.get('content-length');
  if (!once.has('host') || length === undefined || !decimal.test(length)) return undefined;
  if (isGet && once.has('content-length')) return undefined;
  if ((once.get('connection') ?? 'keep-alive').toLowerCase() !== 'keep-alive') return undefined;
  const forwardedFor = once.get('x-forwarded-for');
  return {
    url,
    requestId: once.get('x-request-id'),
    traceparent: once.get('traceparent'),
    headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
    ...(isGet ? { credentials: credentialsOf(once) } : {}),
    headBytes: end + 2,
    bodyBytes: Number(length),
  };
}

function credentialsOf(headers: ReadonlyMap<string, string>): Credentials {
  const get = (name: string) => headers.get(name) ?? '';
  return { id: get('x-wx-id'), skey: get('x-wx-skey'), appid: get('x-wafer-appid') };
}

/** Blanks alone: with a tab Node takes some values and refuses others. */
function withoutTrailingBlanks(value: string): string {
  let end = value.length;
  while (end > 0 && value.charCodeAt(end - 1) === 32) end--;
  return end === value.length ? value : value.slice(0, end);
}
