import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { channelOf } from './channel.ts';
import type { RedisClock } from './clock.ts';
import type { RedisClient } from './connect.ts';
import { listInstances } from './presence.ts';

/** What all processes can be told at once. */
export type ControlMessage =
  /** All that they remember of MySQL. */
  | { readonly kind: 'forget-cached' }
  /** Who wants events. */
  | { readonly kind: 'forget-endpoints' }
  /** @property person sealed: everybody who reaches Redis hears it */
  | { readonly kind: 'forget-person'; readonly person: string }
  /** @property order sealed: who reaches Redis must not fill disks by it */
  | { readonly kind: 'log-level'; readonly order: string };

const channel = 'wafer:control';
/** So many orders to forget are carried out at once, and then one a `pauseMs`: time enough for MySQL's answer to count. */
const ordersAtOnce = 3;
const pauseMs = 1000;
/** So many orders may wait for that; more are a flood, and nobody's. */
const maxWaiting = 1000;
const acknowledgementTtlSeconds = 30;
const pollIntervalMs = 10;

const acknowledgementKey = (id: string) => `wafer:control:${id}`;

/** @returns undefined if it is no message of ours: whoever reaches Redis can publish, and must not end a process by it */
function readMessage(text: string): { readonly id: string; readonly message: ControlMessage } | undefined {
  try {
    const { id, kind, person, order } = JSON.parse(text) as Record<'id' | 'kind' | 'person' | 'order', unknown>;
    if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) return undefined;
    if (kind === 'forget-cached' || kind === 'forget-endpoints') return { id, message: { kind } };
    if (kind === 'log-level' && typeof order === 'string') return { id, message: { kind, order } };
    return kind === 'forget-person' && typeof person === 'string' ? { id, message: { kind, person } } : undefined;
  } catch {
    return undefined;
  }
}

/** Lets this process hear control messages; it acknowledges each when `obey` is done, and not if that fails. */
export async function hearControl(
  subscriber: RedisClient,
  commands: RedisClient,
  instance: string,
  obey: (message: ControlMessage) => void | Promise<void>,
): Promise<void> {
  const own = channelOf(subscriber, channel);
  const orders = {
    'forget-cached': createPacedOrder(() => obey({ kind: 'forget-cached' })),
    'forget-endpoints': createPacedOrder(() => obey({ kind: 'forget-endpoints' })),
  };
  let waiting = 0;
  const carryOut = async (id: string, message: ControlMessage) => {
    if (waiting >= maxWaiting) return;
    waiting++;
    try {
      const isSealed = message.kind === 'forget-person' || message.kind === 'log-level';
      await (isSealed ? obey(message) : orders[message.kind]());
      await commands
        .pipeline()
        .sadd(acknowledgementKey(id), instance)
        .expire(acknowledgementKey(id), acknowledgementTtlSeconds)
        .exec();
    } finally {
      waiting--;
    }
  };
  await subscriber.subscribe(own);
  subscriber.on('message', (from: string, text: string) => {
    const heard = from === own ? readMessage(text) : undefined;
    if (heard !== undefined) carryOut(heard.id, heard.message).catch(() => undefined);
  });
}

/**
 * An order that whoever reaches Redis can give, and that makes this process read again: those that come too fast are carried out together,
 * once, after all of them have come.
 */
function createPacedOrder(obey: () => void | Promise<void>): () => Promise<void> {
  let paidUntil = 0;
  let next: Promise<void> | undefined;
  const run = async () => {
    paidUntil = Math.max(paidUntil, performance.now()) + pauseMs;
    await obey();
  };
  return () => {
    const waitMs = paidUntil - (ordersAtOnce - 1) * pauseMs - performance.now();
    if (next === undefined && waitMs <= 0) return run();
    next ??= setTimeout(Math.max(waitMs, 0), undefined, { ref: false }).then(() => {
      next = undefined;
      return run();
    });
    return next;
  };
}

/** How far an order got. */
export interface Obeyed {
  /** Processes that have done it. */
  readonly obeyed: readonly string[];
  /** Those that did not say so in time. */
  readonly silent: readonly string[];
}

const obeyTimeoutMs = 3000;

/**
 * Tells all processes, and waits until they have obeyed.
 * @param list those that are waited for
 */
export async function tellAll(
  client: RedisClient,
  clock: RedisClock,
  message: ControlMessage,
  list: (client: RedisClient, clock: RedisClock) => Promise<string[]> = listInstances,
): Promise<Obeyed> {
  const instances = await list(client, clock);
  const silent = await sendControl(client, message, instances, obeyTimeoutMs);
  return { obeyed: instances.filter((instance) => !silent.includes(instance)), silent };
}

/**
 * Tells all processes and waits until those in `instances` have obeyed.
 * @returns the instances that did not acknowledge within `timeoutMs`
 */
export async function sendControl(
  client: RedisClient,
  message: ControlMessage,
  instances: readonly string[],
  timeoutMs: number,
): Promise<string[]> {
  const id = randomBytes(8).toString('hex');
  await client.publish(channelOf(client, channel), JSON.stringify({ ...message, id }));
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const obeyed = new Set(await client.smembers(acknowledgementKey(id)));
    const missing = instances.filter((instance) => !obeyed.has(instance));
    if (missing.length === 0 || performance.now() >= deadline) return missing;
    await setTimeout(pollIntervalMs);
  }
}
