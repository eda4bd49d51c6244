import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { RedisClient } from './connect.ts';

/** What an administrator can tell all processes at once. */
export type ControlMessage = { readonly kind: 'forget-cached' };

const channel = 'wafer:control';
const acknowledgementTtlSeconds = 30;
const pollIntervalMs = 10;

const acknowledgementKey = (id: string) => `wafer:control:${id}`;

/** Lets this process hear control messages; it acknowledges each when `obey` is done. */
export async function hearControl(
  subscriber: RedisClient,
  commands: RedisClient,
  instance: string,
  obey: (message: ControlMessage) => void,
): Promise<void> {
  subscriber.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const { id, ...message } = JSON.parse(text) as ControlMessage & { id: string };
    obey(message);
    void commands
      .pipeline()
      .sadd(acknowledgementKey(id), instance)
      .expire(acknowledgementKey(id), acknowledgementTtlSeconds)
      .exec()
      .catch(() => undefined);
  });
  await subscriber.subscribe(channel);
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
  await client.publish(channel, JSON.stringify({ ...message, id }));
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const obeyed = new Set(await client.smembers(acknowledgementKey(id)));
    const missing = instances.filter((instance) => !obeyed.has(instance));
    if (missing.length === 0 || performance.now() >= deadline) return missing;
    await setTimeout(pollIntervalMs);
  }
}
