/** One POST whose head and body came together, as nearly every request of the protocol comes. */
export interface WholeRequest {
  readonly url: string;
  /** `X-Request-Id`, as it was sent. */
  readonly requestId: string | undefined;
  /** Where the request may have come from; in the form that Node gives headers, for those who judge clients. */
  readonly headers: { readonly 'x-forwarded-for'?: string };
  readonly body: Buffer;
}

/** Node's own limit (http-server.ts) is the same. */
const maxHeadBytes = 16_384;

/** RFC 9112, 3; the only version and method here, and a target without anything that would have to be read twice. */
const requestLine = /POST (\/[\w./?=&%~-]*) HTTP\/1\.1\r\n/y;
/** RFC 9110, 5.1 and 5.5: a token, and a value without control characters. What is folded, or ends in a bare LF, is not matched. */
const headerLine = /([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)\r\n/y;
const decimal = /^\d{1,8}$/;

/** Whatever says that the body is not simply so many bytes, or that more is to be said before or after it. */
const special = new Set(['transfer-encoding', 'expect', 'upgrade', 'trailer', 'te', 'proxy-connection']);

/**
 * Reads what is exactly one plain request. Anything else is Node's to read, and to judge: what is broken, late, in pieces, more than one, asks to
 * end the connection, or says one thing twice. It is stricter than Node throughout, so that nothing is a request here that is none there.
 * @returns undefined if it is not one
 */
export function readWholeRequest(bytes: Buffer): WholeRequest | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', 0, 'latin1') + 2;
  if (headEnd < 2 || headEnd > maxHeadBytes) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  requestLine.lastIndex = 0;
  const url = requestLine.exec(head)?.[1];
  if (url === undefined) return undefined;

  let at = requestLine.lastIndex;
  let host: string | undefined;
  let length: string | undefined;
  let requestId: string | undefined;
  let forwardedFor: string | undefined;
  while (at < headEnd) {
    headerLine.lastIndex = at;
    const line = headerLine.exec(head);
    if (line === null) return undefined;
    at = headerLine.lastIndex;
    const name = (line[1] as string).toLowerCase();
    const value = (line[2] as string).trimEnd();
    switch (name) {
      case 'host':
        if (host !== undefined) return undefined;
        host = value;
        break;
      case 'content-length':
        if (length !== undefined) return undefined;
        length = value;
        break;
      case 'connection':
        if (value.toLowerCase() !== 'keep-alive') return undefined;
        break;
      case 'x-request-id':
        if (requestId !== undefined) return undefined;
        requestId = value;
        break;
      case 'x-forwarded-for':
        if (forwardedFor !== undefined) return undefined;
        forwardedFor = value;
        break;
      default:
        if (special.has(name)) return undefined;
    }
  }
  const bodyStart = headEnd + 2;
  if (host === undefined || length === undefined || !decimal.test(length)) return undefined;
  if (bytes.length - bodyStart !== Number(length)) return undefined;
  return {
    url,
    requestId,
    headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
    body: bytes.subarray(bodyStart),
  };
}
