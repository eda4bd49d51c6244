import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import test from 'ava';
import { readRawBody } from '../../../../apps/web/middleware/raw-body.ts';

const read = (pieces: readonly Buffer[], limitBytes: number) =>
  new Promise<Buffer | string>((resolve) => {
    readRawBody(Readable.from(pieces, { objectMode: false }) as unknown as IncomingMessage, limitBytes, resolve);
  });

test('a body is the same in one piece, in two or byte by byte, up to its limit', async (t) => {
  const limit = 3000;
  for (const length of [0, 1, 2, 1500, limit, limit + 1]) {
    const body = randomBytes(length);
    const half = Math.floor(length / 2);
    for (const pieces of [
      [body],
      [body.subarray(0, half), body.subarray(half)],
      Array.from(body, (byte) => Buffer.of(byte)),
    ]) {
      const seen = await read(pieces, limit);
      t.deepEqual(seen, length > limit ? 'too-large' : body, `${length} in ${pieces.length}`);
    }
  }
});
