import { randomBytes } from 'node:crypto';
import { Cluster } from 'ioredis';
import { channelOf } from './channel.ts';
import type { RedisClient } from './connect.ts';

/** What a process says of itself when it is called. */
export interface RollCallAnswer {
  /** Milliseconds that its own clock is ahead of Redis's; less than a network round trip off. */
  readonly driftMs: number;
  /** For how long it has been there for Redis. */
  readonly servingMs: number;
}

const channel = 'wafer:roll-call';
/** Answers are published, not written: a Redis whose memory or disk is full takes no writes. */
const answersOf = (id: string) => `wafer:roll-call:${id}`;

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
    const servingMs = Math.round(performance.now() - servingSince);
    await commands.publish(answersOf(id), JSON.stringify({ instance, driftMs, servingMs }));
  };
  const own = channelOf(subscriber, channel);
  await subscriber.subscribe(own);
  subscriber.on('message', (from: string, id: string) => {
    if (from === own && /^[0-9a-f]{16}$/.test(id)) void answer(id).catch(() => undefined);
  });
}

/** @returns undefined if no process of ours has answered so */
function readAnswer(text: string): [instance: string, answer: RollCallAnswer] | undefined {
  try {
    const { instance, driftMs, servingMs } = JSON.parse(text) as Partial<RollCallAnswer> & { instance?: unknown };
    if (typeof instance !== 'string' || typeof driftMs !== 'number' || typeof servingMs !== 'number') return undefined;
    return [instance, { driftMs, servingMs }];
  } catch {
    return undefined;
  }
}

/**
 * Calls all processes and waits for their answers, `timeoutMs` at most.
 * @param isComplete whether nobody else is waited for
 * @returns what they say, by instance; others that answered in time are there, too
 * @throws when Redis does not answer
 */
export async function callRoll(
  client: RedisClient,
  isComplete: (answers: ReadonlyMap<string, RollCallAnswer>) => boolean,
  timeoutMs: number,
): Promise<Map<string, RollCallAnswer>> {
  const id = randomBytes(8).toString('hex');
  const answers = new Map<string, RollCallAnswer>();
  const options = { enableOfflineQueue: true };
  const listener = client instanceof Cluster ? client.duplicate([], options) : client.duplicate(options);
  listener.on('error', () => undefined);
  try {
    await listener.subscribe(answersOf(id));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, timeoutMs);
      listener.on('message', (_channel: string, text: string) => {
        const answer = readAnswer(text);
        if (answer === undefined) return;
        answers.set(...answer);
        if (!isComplete(answers)) return;
        clearTimeout(timer);
        resolve();
      });
      client.publish(channelOf(client, channel), id).catch(reject);
    });
    return answers;
  } finally {
    listener.disconnect();
  }
}
