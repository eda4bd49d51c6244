import type { RedisClient } from './connect.ts';

/**
 * The queue Redis's clock, read by every process. Deadlines and claims cross processes whose own clocks may differ by minutes, so
 * all of them count in this one.
 */
export interface RedisClock {
  /** Milliseconds since 1970 by Redis's clock. Falls back to this process's clock until the first sync. */
  nowMs(): number;
  /** Asks Redis for its time. Cheap (one command); called at start, on reconnects and every half minute. */
  sync(): Promise<void>;
  close(): void;
}

const resyncIntervalMs = 30_000;

export function createRedisClock(client: RedisClient): RedisClock {
  // Counted from performance.now(), which goes on evenly when somebody sets the machine's clock.
  let offsetMs = Date.now() - performance.now();
  const sync = async (): Promise<void> => {
    const sentAt = performance.now();
    const [seconds, microseconds] = await client.time();
    const receivedAt = performance.now();
    offsetMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - (sentAt + receivedAt) / 2;
  };
  const trySync = () => void sync().catch(() => undefined);
  client.on('ready', trySync);
  if (client.status === 'ready') trySync();
  const timer = setInterval(trySync, resyncIntervalMs);
  timer.unref();
  return {
    nowMs: () => performance.now() + offsetMs,
    sync,
    close: () => {
      clearInterval(timer);
      client.off('ready', trySync);
    },
  };
}
