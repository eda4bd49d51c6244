import type { RedisClient } from '../redis/connect.ts';
import type { CallersCopy } from './known-callers.ts';
import type { Caller } from '../store/caller-store.ts';

const copyKey = 'wafer:callers';

/** Names and hashes in Redis: a front end that starts while MySQL is away still knows its callers. `cache clear` leaves it. */
export function createKnownCallersCopy(client: RedisClient): CallersCopy {
  return {
    async save(callers) {
      await client.set(copyKey, JSON.stringify(callers.map(({ name, keyHash }) => ({ name, keyHash }))));
    },
    async load() {
      const text = await client.get(copyKey);
      return text === null ? undefined : (JSON.parse(text) as Caller[]);
    },
  };
}
