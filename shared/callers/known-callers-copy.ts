import type { RedisClient } from '../redis/connect.ts';
import type { Caller } from '../store/caller-store.ts';
import type { ListCopy } from '../store/fresh-list.ts';

const copyKey = 'wafer:callers';

/** Names, hashes, apps and permissions in Redis: a front end that starts while MySQL is away still knows its callers. `cache clear` leaves it. */
export function createKnownCallersCopy(client: RedisClient): ListCopy<Caller> {
  return {
    async save(callers) {
      const told = callers.map(({ name, keyHash, appids, may }) => ({
        name,
        keyHash,
        // What versions read that know one app for each caller.
        appid: appids?.[0] ?? null,
        appids,
        may,
      }));
      await client.set(copyKey, JSON.stringify(told));
    },
    async load() {
      const text = await client.get(copyKey);
      const callers = text === null ? undefined : (JSON.parse(text) as Caller[]);
      // One that an older front end has written can't say whose apps are which, and who may do what.
      return callers?.every(({ appids, may }) => appids !== undefined && may !== undefined) ? callers : undefined;
    },
  };
}
