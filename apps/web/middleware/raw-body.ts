import type { IncomingMessage } from 'node:http';

/**
 * The bytes of a request's body as they came: neither inflated nor decoded, because the protocol judges bytes
 * (docs/protocol.md#checks).
 * @param onBody called once: with the body; `too-large`, without reading on; or `aborted`, if the client went away
 */
export function readRawBody(
  request: IncomingMessage,
  limitBytes: number,
  onBody: (body: Buffer | 'too-large' | 'aborted') => void,
): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let length = 0;
  let isDone = false;
  const finish = (body: Buffer | 'too-large' | 'aborted') => {
    if (isDone) return;
    isDone = true;
    onBody(body);
  };
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > limitBytes) {
      request.pause();
      finish('too-large');
    } else if (first === undefined) first = chunk;
    else (rest ??= []).push(chunk);
  });
  request.on('end', () => {
    const body = first ?? Buffer.alloc(0);
    finish(rest === undefined ? body : Buffer.concat([body, ...rest], length));
  });
  // A broken connection is a close too; without a listener of its own Node emits no error.
  request.on('close', () => finish('aborted'));
}
