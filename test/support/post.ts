import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Poster {
  /** @throws if the connection breaks, or after `timeoutMs` without an answer */
  post(url: string, body: Uint8Array | string, headers?: OutgoingHttpHeaders): Promise<RawAnswer>;
  close(): void;
}

/** Sends bodies byte by byte as they are, over few connections that stay open, many at once. */
export function createPoster({ sockets = 64, timeoutMs = 20_000 } = {}): Poster {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  return {
    post: (url, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const bytes = Buffer.from(body as Uint8Array);
        const outgoing = request(
          url,
          { method: 'POST', agent, headers: { 'Content-Length': bytes.length, ...headers } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.once('error', reject);
            response.once('end', () =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
            );
          },
        );
        outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        outgoing.once('error', reject);
        outgoing.end(bytes);
      }),
    close: () => agent.destroy(),
  };
}
