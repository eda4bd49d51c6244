import type { RedisClient } from './connect.ts';

export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/**
 * A Lua script as a function: sent by its hash, with its text only where the server does not know it yet.
 * All keys must sit in one slot.
 */
export function defineScript(client: RedisClient, name: string, lua: string): Script {
  client.defineCommand(name, { lua });
  const run = (client as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>)[name];
  if (run === undefined) throw new Error(`the Redis client has no command ${name}`);
  return (keys, args) => run.call(client, keys.length, ...keys, ...args);
}
