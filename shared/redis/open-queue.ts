import type { Queue } from 'bullmq';
import type { RedisClient } from './connect.ts';

/** By name and prefix of BullMQ's keys. */
const opened = new WeakMap<RedisClient, Map<string, Promise<Queue>>>();

/**
 * A queue for one who looks, or adds: it neither writes its settings nor waits for a connection. The same each time for a connection, to
 * which it adds listeners for good; neither is closed with the other.
 */
export function openQueue(commands: RedisClient, name: string, prefix: string): Promise<Queue> {
  const ofConnection = opened.get(commands) ?? new Map<string, Promise<Queue>>();
  opened.set(commands, ofConnection);
  const key = `${prefix}:${name}`;
  const queue = ofConnection.get(key) ?? createQueue(commands, name, prefix);
  ofConnection.set(key, queue);
  return queue;
}

async function createQueue(commands: RedisClient, name: string, prefix: string): Promise<Queue> {
  // Loaded here, because it takes half as long to load as all else of a command.
  const { Queue } = await import('bullmq');
  const looks = { skipMetasUpdate: true, skipVersionCheck: true, skipWaitingForReady: true };
  const queue = new Queue(name, { connection: commands, prefix, ...looks });
  queue.on('error', () => undefined);
  return queue;
}
