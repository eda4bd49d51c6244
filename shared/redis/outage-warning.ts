import type { RedisAddress } from '../config/redis-url.ts';
import type { Log } from '../log/log.ts';
import { describeRedisReason, nameNodes } from './failure.ts';

const repeatAfterMs = 1000;

/**
 * Tells that a Redis can't be used, and why: once a second for all connections of the process, from the start on.
 * @param variable that names it
 */
export function createRedisWarning(log: Log, address: RedisAddress, variable: string): (error: Error) => void {
  const redis = nameNodes(address);
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (error) => {
    const now = performance.now();
    if (now - toldAt < repeatAfterMs) {
      untold++;
      return;
    }
    const { lastNodeError = error } = error as { lastNodeError?: Error };
    const said =
      lastNodeError.message === '' ? ((lastNodeError as { code?: string }).code ?? '') : lastNodeError.message;
    log.warn(
      {
        redis,
        variable,
        cause: describeRedisReason(said),
        said: said.slice(0, 200),
        ...(untold > 0 ? { alsoFailed: untold } : {}),
      },
      'Redis can not be used',
    );
    toldAt = now;
    untold = 0;
  };
}
