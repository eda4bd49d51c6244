import type { IncomingMessage } from 'node:http';

export class BodyTooLargeError extends Error {
  constructor(limitBytes: number) {
    super(`the body is larger than ${limitBytes} bytes`);
    this.name = 'BodyTooLargeError';
  }
}

export class BodyAbortedError extends Error {
  constructor() {
    super('the client went away while it sent the body');
    this.name = 'BodyAbortedError';
  }
}

/**
 * The bytes of a request's body as they came: neither inflated nor decoded, because the protocol judges bytes (PROTOCOL.md, 2).
 * @throws {BodyTooLargeError} without reading on
 * @throws {BodyAbortedError}
 */
export function readRawBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limitBytes) return reject(new BodyTooLargeError(limitBytes));
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) {
        request.pause();
        reject(new BodyTooLargeError(limitBytes));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)));
    request.on('error', () => reject(new BodyAbortedError()));
    request.on('close', () => reject(new BodyAbortedError()));
  });
}
