import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { RedisClient } from './connect.ts';

/** What a process says of itself when it is called. */
export interface RollCallAnswer {
  /** Milliseconds that its own clock is ahead of Redis's; less than a network round trip off. */
  readonly driftMs: number;
  /** For how long it has been there for Redis. */
  readonly servingMs: number;
}

const channel = 'wafer:roll-call';
const answerTtlSeconds = 30;
const pollIntervalMs = 20;

const answersKey = (id: string) => `wafer:presence:roll-call:${id}`;

/**
 * Lets this process answer roll calls. Its presence only shows that it was alive some seconds ago: one that is stopped, or whose
 * event loop is blocked, still stands there.
 */
export async function answerRollCalls(subscriber: RedisClient, commands: RedisClient, instance: string): Promise<void> {
  const servingSince = performance.now();
  const answer = async (id: string): Promise<void> => {
    const sentAtMs = Date.now();
    const [seconds, microseconds] = await commands.time();
    const ownMs = (sentAtMs + Date.now()) / 2;
    const driftMs = Math.round(ownMs - Number(seconds) * 1000 - Number(microseconds) / 1000);
    const text = JSON.stringify({ driftMs, servingMs: Math.round(performance.now() - servingSince) });
    await commands.pipeline().hset(answersKey(id), instance, text).expire(answersKey(id), answerTtlSeconds).exec();
  };
  subscriber.on('message', (from: string, id: string) => {
    if (from === channel && /^[0-9a-f]{16}$/.test(id)) void answer(id).catch(() => undefined);
  });
  await subscriber.subscribe(channel);
}

/**
 * Calls all processes and waits until those in `instances` have answered, `timeoutMs` at most.
 * @throws when Redis does not answer
 */
export async function callRoll(
  client: RedisClient,
  instances: readonly string[],
  timeoutMs: number,
): Promise<Map<string, RollCallAnswer>> {
  const id = randomBytes(8).toString('hex');
  const deadline = performance.now() + timeoutMs;
  await client.publish(channel, id);
  for (;;) {
    const answers = await client.hgetall(answersKey(id));
    if (instances.every((instance) => instance in answers) || performance.now() >= deadline) {
      return new Map(Object.entries(answers).map(([name, text]) => [name, JSON.parse(text) as RollCallAnswer]));
    }
    await setTimeout(pollIntervalMs);
  }
}
