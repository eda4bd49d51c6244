import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { defineScript } from '../../shared/redis/script.ts';

/** Of all autoscalers, on whatever machines, one makes a step at a time, and all know when the last one was made. */
export interface Turns {
  /** Milliseconds since the last step of anybody; undefined if none is known. @throws when Redis does not answer */
  sinceStepMs(): Promise<number | undefined>;
  /**
   * Runs `step` if nobody else makes one, and nobody has made one since `sinceStepMs` was asked last.
   * @returns whether it ran. @throws when Redis does not answer, or as the step does
   */
  take(step: () => Promise<void>): Promise<boolean>;
}

const turnKey = 'wafer:{autoscaler}:turn';
const lastKey = 'wafer:{autoscaler}:last';
/** Longer than pm2 takes for a step: 30 s until a worker is ready, 16 s until one has ended. */
const turnMs = 60_000;
const lastForMs = 3_600_000;

/** KEYS: turn, last. ARGV: who, ms, last as it was seen. */
const takeScript = `
  if (redis.call('get', KEYS[2]) or '') ~= ARGV[3] then return 0 end
  return redis.call('set', KEYS[1], ARGV[1], 'nx', 'px', ARGV[2]) and 1 or 0`;

/** KEYS: turn, last. ARGV: who, now, ms. */
const endScript = `
  redis.call('set', KEYS[2], ARGV[2], 'px', ARGV[3])
  if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end`;

/** @param name of this autoscaler, that no other has */
export function createTurns(commands: RedisClient, clock: RedisClock, name: string): Turns {
  const runTake = defineScript(commands, 'waferTakeTurn', takeScript);
  const runEnd = defineScript(commands, 'waferEndTurn', endScript);
  const keys = [turnKey, lastKey];
  let seen = '';
  return {
    async sinceStepMs() {
      seen = (await commands.get(lastKey)) ?? '';
      // Who can write to Redis can write anything there.
      return /^\d{1,15}$/.test(seen) ? Math.max(0, clock.nowMs() - Number(seen)) : undefined;
    },
    async take(step) {
      if ((await runTake(keys, [name, turnMs, seen])) !== 1) return false;
      try {
        await step();
      } finally {
        await runEnd(keys, [name, Math.floor(clock.nowMs()), lastForMs]).catch(() => undefined);
      }
      return true;
    },
  };
}
