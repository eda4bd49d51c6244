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
  let body: Buffer | undefined;
  /** What the body is part of, if it came in more than one piece. Kept as pieces, each byte could cost a hundred. */
  let room: Buffer | undefined;
  let length = 0;
  let isDone = false;
  const finish = (body: Buffer | 'too-large' | 'aborted') => {
    if (isDone) return;
    isDone = true;
    onBody(body);
  };
  request.on('data', (chunk: Buffer) => {
    const before = length;
    length += chunk.length;
    if (length > limitBytes) {
      request.pause();
      finish('too-large');
      return;
    }
    if (body === undefined) {
      body = chunk;
      return;
    }
    if (room === undefined || room.length < length) {
      room = Buffer.allocUnsafeSlow(Math.min(length * 2, limitBytes));
      body.copy(room);
    }
    chunk.copy(room, before);
    body = room.subarray(0, length);
  });
  request.on('end', () => finish(body ?? Buffer.alloc(0)));
  // A broken connection is a close too; without a listener of its own Node emits no error.
  request.on('close', () => finish('aborted'));
}
