import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { networkOf } from '../../../shared/http/places.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import { ApiProblem } from '../api/problem.ts';

interface Try {
  /** Of a whole sign-in, with all that it asks for: the wrong ones before it count no more. */
  succeed(): Promise<void>;
  /** It was none, or a part alone was right: it does not count, but the wrong ones before it do, which may be of the other part. */
  takeBack(): Promise<void>;
}

/** Bounds how often somebody may try to sign in, over all processes. Names and addresses are in Redis as fingerprints alone. */
export interface Tries {
  /**
   * Counts a try before it is made, so that many at once are no way around.
   * @throws {ApiProblem} 429 too_many_tries
   */
  begin(name: string, address: string): Promise<Try>;
}

/** Wrong tries, and seconds in which they are so many. */
const limits = {
  /** Of one name from one address. */
  pair: { points: 5, duration: 900 },
  /** From one address, whatever the names. */
  address: { points: 50, duration: 900 },
  /** Of one name, from addresses from which it never signed in: a crowd must not lock out who is known. */
  name: { points: 100, duration: 3600 },
} as const;
const prefix = 'wafer:console:tries';
/** How long an address is known as one from which a name signed in. */
const knownSeconds = 7_776_000;

export function createTries(commands: RedisClient, findSeal: () => Promise<Seal>): Tries {
  const create = (kind: keyof typeof limits) =>
    new RateLimiterRedis({ storeClient: commands, keyPrefix: `${prefix}:${kind}`, ...limits[kind] });
  const limiters = { pair: create('pair'), address: create('address'), name: create('name') };
  return {
    async begin(name, address) {
      const seal = await findSeal();
      const network = networkOf(address);
      const keys = {
        address: seal.fingerprint('console address', network),
        pair: seal.fingerprint('console pair', name, network),
        name: seal.fingerprint('console name', name),
      };
      const known = `${prefix}:known:${keys.pair}`;
      const isKnown = (await commands.exists(known)) === 1;
      const counting = isKnown ? (['address', 'pair'] as const) : (['address', 'pair', 'name'] as const);
      for (const kind of counting) await limiters[kind].consume(keys[kind]).catch(refuse);
      const takeBack = async () => {
        for (const kind of counting) await limiters[kind].reward(keys[kind]);
      };
      return {
        takeBack,
        async succeed() {
          await takeBack();
          await limiters.pair.delete(keys.pair);
          await commands.set(known, '1', 'EX', knownSeconds);
        },
      };
    },
  };
}

/** What is no error is a limit that is reached. */
function refuse(cause: Error | RateLimiterRes): never {
  if (cause instanceof Error) throw cause;
  const seconds = Math.max(1, Math.ceil(cause.msBeforeNext / 1000));
  throw new ApiProblem(429, 'too_many_tries', `Too many tries. Come back in ${Math.ceil(seconds / 60)} minutes.`, {
    headers: { 'Retry-After': String(seconds) },
  });
}
