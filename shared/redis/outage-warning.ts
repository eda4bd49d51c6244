import type { RedisAddress } from '../config/redis-url.ts';
import { createOncePerSecond, type Log } from '../log/log.ts';
import { describeRedisReason, nameNodes } from './failure.ts';

/**
 * Tells that a Redis can't be used, and why: once a second for all connections of the process, from the start on.
 * @param variable that names it
 */
export function createRedisWarning(log: Log, address: RedisAddress, variable: string): (error: Error) => void {
  const redis = nameNodes(address);
  const oncePerSecond = createOncePerSecond();
  const tell = (error: Error, leftOut: number) => {
    const { lastNodeError = error } = error as { lastNodeError?: Error };
    const said =
      lastNodeError.message === '' ? ((lastNodeError as { code?: string }).code ?? '') : lastNodeError.message;
    log.warn(
      {
        redis,
        variable,
        cause: describeRedisReason(said),
        said: said.slice(0, 200),
        ...(leftOut > 0 ? { alsoFailed: leftOut } : {}),
      },
      'Redis can not be used',
    );
  };
  return (error) => oncePerSecond((leftOut) => tell(error, leftOut));
}
