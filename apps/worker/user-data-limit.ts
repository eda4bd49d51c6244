import { defineScript } from '../../shared/redis/script.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import type { Seal } from '../../shared/rpc/seal.ts';

/** A user in an app. */
interface AppUser {
  readonly appid: string;
  readonly openId: string;
}

/**
 * How much of a user's data may fail to decrypt. Whether data decrypts is all that can be learnt of it by sending it, and enough tries
 * would make a text of one's own choice out of it; so the tries are few, over all sessions, interfaces and workers.
 */
export interface UserDataLimit {
  /** Takes a try, which counts until it is given back. @returns false: not to be tried */
  take(user: AppUser): Promise<boolean>;
  /** It decrypted. */
  giveBack(user: AppUser): void;
  /** As far as this process knows, which costs nothing: for log-ins, each of which costs a code of WeChat. */
  isSpent(user: AppUser): boolean;
  /** A log-in's data did not decrypt. */
  tell(user: AppUser): Promise<void>;
}

/** Tries in an hour. A user whose program is at fault sends some; data of one's own choice take a million. */
const maxFailures = 30;
const windowMs = 3_600_000;

/** The window begins with the first failure. Answers how long it lasts yet where there was no try left, else 0. */
const takeScript = `
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
redis.call('INCR', KEYS[1])
if count == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

const giveBackScript = `
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count > 1 then redis.call('DECR', KEYS[1]) else redis.call('DEL', KEYS[1]) end
return 0`;

export function createUserDataLimit(client: RedisClient, seal: Seal): UserDataLimit {
  const takeTry = defineScript(client, 'waferTakeTry', takeScript);
  const giveTryBack = defineScript(client, 'waferGiveTryBack', giveBackScript);
  const keyOf = ({ appid, openId }: AppUser) => `wafer:tries:${seal.fingerprint('user data', appid, openId)}`;
  /** Users without a try left, and until when. Only a user who has failed so often comes in here. */
  const spent = new Map<string, number>();
  const take = async (user: AppUser): Promise<boolean> => {
    const leftMs = Number(await takeTry([keyOf(user)], [maxFailures, windowMs]));
    if (leftMs > 0) remember(nameOf(user), Date.now() + leftMs);
    return leftMs === 0;
  };
  const remember = (name: string, until: number) => {
    if (spent.size >= maxRemembered) spent.clear();
    spent.set(name, until);
  };
  return {
    take,
    giveBack: (user) => void giveTryBack([keyOf(user)], []).catch(() => undefined),
    isSpent(user) {
      if (spent.size === 0) return false;
      const name = nameOf(user);
      const until = spent.get(name);
      if (until !== undefined && until < Date.now()) spent.delete(name);
      return spent.has(name);
    },
    async tell(user) {
      await take(user);
    },
  };
}

/** Beyond it all are forgotten: each is found again with his next failure. */
const maxRemembered = 10_000;

function nameOf({ appid, openId }: AppUser): string {
  return `${appid}\0${openId}`;
}
