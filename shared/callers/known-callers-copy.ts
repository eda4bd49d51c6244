import type { RedisClient } from '../redis/connect.ts';
import type { Caller } from '../store/caller-store.ts';
import type { ListCopy } from '../store/fresh-list.ts';

const copyKey = 'wafer:callers';

/** Names, hashes and apps in Redis: a front end that starts while MySQL is away still knows its callers. `cache clear` leaves it. */
export function createKnownCallersCopy(client: RedisClient): ListCopy<Caller> {
  return {
    async save(callers) {
      await client.set(copyKey, JSON.stringify(callers.map(({ name, keyHash, appid }) => ({ name, keyHash, appid }))));
    },
    async load() {
      const text = await client.get(copyKey);
      const callers = text === null ? undefined : (JSON.parse(text) as Caller[]);
      // One that a front end from before there were bound keys has written can't say whose app is which.
      return callers?.every(({ appid }) => appid !== undefined) ? callers : undefined;
    },
  };
}
