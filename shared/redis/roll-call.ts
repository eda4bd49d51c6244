import { randomBytes } from 'node:crypto';
import { Cluster } from 'ioredis';
import { z } from 'zod';
import type { HeldKeys } from '../keys/held-keys.ts';
import { channelOf } from './channel.ts';
import type { RedisClient } from './connect.ts';

/** What a process says of itself when it is called. */
export interface RollCallAnswer {
  /** Milliseconds that its own clock is ahead of Redis's; less than a network round trip off. */
  readonly driftMs: number;
  /** For how long it has been there for Redis. */
  readonly servingMs: number;
  /** Of a worker. */
  readonly keys?: HeldKeys;
  /** Of a worker: apps whose secret it can't read for want of a key. */
  readonly lockedApps?: readonly string[];
  /** Of a worker: it takes no jobs until it can read all secrets. */
  readonly waitsForKeys?: boolean;
}

/** What a process says beside its clock. */
export type OwnState = Pick<RollCallAnswer, 'keys' | 'lockedApps' | 'waitsForKeys'>;

const channel = 'wafer:roll-call';
const callAgainMs = 400;
/** Answers are published, not written: a Redis whose memory or disk is full takes no writes. */
const answersOf = (id: string) => `wafer:roll-call:${id}`;

/**
 * Lets this process answer roll calls. Its presence only shows that it was alive some seconds ago: one that is stopped, or whose
 * event loop is blocked, still stands there.
 */
export async function answerRollCalls(
  subscriber: RedisClient,
  commands: RedisClient,
  instance: string,
  describe: () => Promise<OwnState> = async () => ({}),
): Promise<void> {
  const servingSince = performance.now();
  const answer = async (id: string): Promise<void> => {
    const state = await describe();
    const sentAtMs = Date.now();
    const [seconds, microseconds] = await commands.time();
    const ownMs = (sentAtMs + Date.now()) / 2;
    const driftMs = Math.round(ownMs - Number(seconds) * 1000 - Number(microseconds) / 1000);
    const servingMs = Math.round(performance.now() - servingSince);
    await commands.publish(answersOf(id), JSON.stringify({ ...state, instance, driftMs, servingMs }));
  };
  const own = channelOf(subscriber, channel);
  await subscriber.subscribe(own);
  subscriber.on('message', (from: string, id: string) => {
    if (from === own && /^[0-9a-f]{16}$/.test(id)) void answer(id).catch(() => undefined);
  });
}

const answerSchema = z.object({
  instance: z.string(),
  driftMs: z.number(),
  servingMs: z.number(),
  keys: z
    .object({ writes: z.union([z.number(), z.literal('plain')]), fingerprints: z.record(z.string(), z.string()) })
    .optional(),
  lockedApps: z.array(z.string()).optional(),
  waitsForKeys: z.boolean().optional(),
});

/** @returns undefined if no process of ours has answered so */
function readAnswer(text: string): [instance: string, answer: RollCallAnswer] | undefined {
  try {
    const { instance, ...answer } = answerSchema.parse(JSON.parse(text));
    return [instance, answer as RollCallAnswer];
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
  let again: NodeJS.Timeout | undefined;
  try {
    await listener.subscribe(answersOf(id));
    await new Promise<void>((resolve, reject) => {
      const call = () => void client.publish(channelOf(client, channel), id).catch(reject);
      // Who reconnects just now, as all do when their Redis says that it takes no writes, hears the next one.
      again = setInterval(call, callAgainMs);
      const timer = setTimeout(resolve, timeoutMs);
      listener.on('message', (_channel: string, text: string) => {
        const answer = readAnswer(text);
        if (answer === undefined) return;
        answers.set(...answer);
        if (!isComplete(answers)) return;
        clearTimeout(timer);
        resolve();
      });
      call();
    });
    return answers;
  } finally {
    clearInterval(again);
    listener.disconnect();
  }
}
