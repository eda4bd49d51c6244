import { Cluster } from 'ioredis';
import { createGrouper } from '../async/grouper.ts';
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

/** A script for one key at a time, as far as its caller sees. */
export type KeyScript = (key: string, args: readonly (string | number)[]) => Promise<unknown>;

const maxKeysPerRun = 64;

/**
 * A Lua script that does the same for each of its keys, run once for all who wait where many do: what a command costs is
 * mostly the command.
 * @param lua gets `common` first, then as many arguments for each key as every caller gives; answers a list, one for each key
 */
export function defineKeyScript(
  client: RedisClient,
  name: string,
  lua: string,
  common: readonly (string | number)[] = [],
): KeyScript {
  const run = defineScript(client, name, lua);
  const createLoader = () =>
    createGrouper<{ key: string; args: readonly (string | number)[] }, unknown>(maxKeysPerRun, async (calls) => {
      const args = [...common];
      for (const call of calls) args.push(...call.args);
      return (await run(
        calls.map(({ key }) => key),
        args,
      )) as unknown[];
    });
  /** By what puts keys into one slot: everything on a single server, the hash tag on a cluster. */
  const loaders = new Map<string, ReturnType<typeof createLoader>>();
  const runAlone = async (key: string, args: readonly (string | number)[]) =>
    ((await run([key], [...common, ...args])) as unknown[])[0];
  const isCluster = client instanceof Cluster;
  return (key, args) => {
    const slot = isCluster ? hashTag.exec(key)?.[1] : '';
    // Each key of a cluster without a tag has a slot of its own.
    if (slot === undefined) return runAlone(key, args);
    let load = loaders.get(slot);
    if (load === undefined) loaders.set(slot, (load = createLoader()));
    return load({ key, args });
  };
}

const hashTag = /\{([^}]+)\}/;
