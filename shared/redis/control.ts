import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { channelOf } from './channel.ts';
import type { RedisClient } from './connect.ts';

/** What an administrator can tell all processes at once. */
export type ControlMessage = { readonly kind: 'forget-cached' };

const channel = 'wafer:control';
const acknowledgementTtlSeconds = 30;
const pollIntervalMs = 10;

const acknowledgementKey = (id: string) => `wafer:control:${id}`;

/** @returns undefined if it is no message of ours: whoever reaches Redis can publish, and must not end a process by it */
function readId(text: string): string | undefined {
  try {
    const { id, kind } = JSON.parse(text) as { id?: unknown; kind?: unknown };
    return kind === 'forget-cached' && typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Lets this process hear control messages; it acknowledges each when `obey` is done. */
export async function hearControl(
  subscriber: RedisClient,
  commands: RedisClient,
  instance: string,
  obey: (message: ControlMessage) => void,
): Promise<void> {
  const own = channelOf(subscriber, channel);
  await subscriber.subscribe(own);
  subscriber.on('message', (from: string, text: string) => {
    if (from !== own) return;
    const id = readId(text);
    if (id === undefined) return;
    obey({ kind: 'forget-cached' });
    void commands
      .pipeline()
      .sadd(acknowledgementKey(id), instance)
      .expire(acknowledgementKey(id), acknowledgementTtlSeconds)
      .exec()
      .catch(() => undefined);
  });
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
