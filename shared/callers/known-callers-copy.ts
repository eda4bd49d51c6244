import { z } from 'zod';
import type { RedisClient } from '../redis/connect.ts';
import type { Caller } from '../store/caller-store.ts';
import type { ListCopy } from '../store/fresh-list.ts';

const copyKey = 'wafer:callers';

/** One that an older front end has written can't say whose apps are which, and who may do what: it is no copy. */
const copySchema: z.ZodType<Caller[]> = z.array(
  z.object({
    name: z.string(),
    keyHash: z.string().regex(/^[0-9a-f]{64}$/),
    appids: z.array(z.string()).min(1).nullable(),
    may: z.array(z.string()).nullable(),
  }),
);

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
      return text === null ? undefined : copySchema.parse(JSON.parse(text));
    },
  };
}
