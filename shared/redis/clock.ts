import type { RedisClient } from './connect.ts';

/**
 * The queue Redis's clock, read by every process. Deadlines and claims cross processes whose own clocks may differ by minutes, so
 * all of them count in this one.
 */
export interface RedisClock {
  /** Milliseconds since 1970 by Redis's clock. Falls back to this process's clock until the first sync. */
  nowMs(): number;
  /** The latest that Redis's clock can show right now, in milliseconds; undefined until the first sync. */
  latestNowMs(): number | undefined;
  /** Asks Redis for its time. Cheap (one to three commands); called at start, on reconnects and every half minute. */
  sync(): Promise<void>;
  close(): void;
}

const resyncIntervalMs = 30_000;
/** A round trip that took longer says little about Redis's clock, so a sync asks again, up to this often. */
const closeEnoughMs = 2;
const maxSamples = 3;

/**
 * Redis's own time, in microseconds since 1970: for what is to come after all that Redis has given a time until now. What a busy process
 * takes for it may be earlier.
 */
export async function readRedisTime(client: RedisClient): Promise<number> {
  const [seconds, microseconds] = await client.time();
  return Number(seconds) * 1_000_000 + Number(microseconds);
}

export function createRedisClock(client: RedisClient): RedisClock {
  // Counted from performance.now(), which goes on evenly when somebody sets the machine's clock.
  let offsetMs = Date.now() - performance.now();
  /** By how much the offset may be wrong: Redis read its clock at some time of the round trip. */
  let uncertaintyMs: number | undefined;
  const sample = async () => {
    const sentAt = performance.now();
    const redisMs = (await readRedisTime(client)) / 1000;
    const receivedAt = performance.now();
    return { offset: redisMs - (sentAt + receivedAt) / 2, uncertainty: (receivedAt - sentAt) / 2 };
  };
  const sync = async (): Promise<void> => {
    let best = await sample();
    for (let samples = 1; samples < maxSamples && best.uncertainty > closeEnoughMs / 2; samples++) {
      const next = await sample();
      if (next.uncertainty < best.uncertainty) best = next;
    }
    offsetMs = best.offset;
    uncertaintyMs = best.uncertainty;
  };
  const trySync = () => void sync().catch(() => undefined);
  client.on('ready', trySync);
  if (client.status === 'ready') trySync();
  const timer = setInterval(trySync, resyncIntervalMs);
  timer.unref();
  return {
    nowMs: () => performance.now() + offsetMs,
    latestNowMs: () => (uncertaintyMs === undefined ? undefined : performance.now() + offsetMs + uncertaintyMs),
    sync,
    close: () => {
      clearInterval(timer);
      client.off('ready', trySync);
    },
  };
}
