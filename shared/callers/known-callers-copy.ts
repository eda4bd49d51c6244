import { z } from 'zod';
import type { RedisClient } from '../redis/connect.ts';
import type { Seal } from '../rpc/seal.ts';
import { isOfPresentLife, type CountsSince } from '../session/present-life.ts';
import type { Caller } from '../store/caller-store.ts';
import type { ListCopy } from '../store/fresh-list.ts';
import { withoutGranted } from './permissions.ts';

const copyKey = 'wafer:callers';
const purpose = 'callers';

/** Later versions may add to it; of what lacks any of this it can't be said whose apps are which, and who may do what. */
const copySchema = z.object({
  at: z.number(),
  callers: z.array(
    z.object({
      name: z.string(),
      keyHash: z.string().regex(/^[0-9a-f]{64}$/),
      appids: z.array(z.string()).min(1).nullable(),
      may: z.array(z.string()).nullable(),
    }),
  ),
});

/**
 * Names, hashes, apps and permissions in Redis, for a front end that is told to forget its callers while MySQL is away. Sealed: who writes
 * to Redis makes nobody a caller, and what an older version writes is no copy. Who puts an old copy back brings a revoked caller back while
 * MySQL is away, so what has to be granted nobody may do by a copy. `cache clear` leaves it.
 * @param seal undefined as long as its key was not read from MySQL: then there is no copy
 * @param countsSince of who goes by it: Redis may have lost a revocation that came after an earlier copy
 */
export function createKnownCallersCopy(
  client: RedisClient,
  seal: () => Seal | undefined,
  countsSince: CountsSince = () => 0,
): ListCopy<Caller> {
  return {
    async save(callers, at) {
      const known = seal();
      if (known === undefined) throw new Error('the key that seals the copy is not known yet');
      const told = callers.map(({ name, keyHash, appids, may }) => ({ name, keyHash, appids, may }));
      await client.set(copyKey, known.seal(purpose, JSON.stringify({ at, callers: told })));
    },
    async load() {
      const known = seal();
      const text = known === undefined ? null : await client.get(copyKey);
      if (known === undefined || text === null) return undefined;
      const { at, callers } = copySchema.parse(JSON.parse(known.open(purpose, text)));
      if (!isOfPresentLife(at, await countsSince())) return undefined;
      return callers.map((caller) => ({ ...caller, may: withoutGranted(caller.may) }));
    },
  };
}
