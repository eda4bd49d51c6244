import { randomFillSync } from 'node:crypto';

/** As many as fit into one call of the system; most takers want a dozen. */
const poolBytes = 8192;
const pool = Buffer.allocUnsafeSlow(poolBytes);
let used = poolBytes;

/**
 * Random bytes of the system's generator, fetched for many takers at once: a call for each costs more than all else that a nonce
 * is needed for.
 * @param count at most 64
 */
export function takeRandomBytes(count: number): Buffer {
  if (used + count > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + count));
  // What was handed out is nobody else's to see.
  pool.fill(0, used, used + count);
  used += count;
  return bytes;
}
