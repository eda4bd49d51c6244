import { setTimeout } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { defineScript } from '../../shared/redis/script.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import { triesKeyOf, type AppUser } from '../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../shared/rpc/seal.ts';

/**
 * How much of a user's data may fail to decrypt. Whether data decrypts is all that can be learnt of it by sending it, and enough tries
 * would make a text of one's own choice out of it; so the tries are few, over all sessions, interfaces and workers.
 */
export interface UserDataLimit {
  /** Takes a try, which has to be settled. @returns false: not to be tried */
  take(user: AppUser): Promise<boolean>;
  /** What came of a try that was taken. */
  settle(user: AppUser, hasFailed: boolean): void;
  /** As far as this process knows, which costs nothing: for log-ins, each of which costs a code of WeChat. */
  isSpent(user: AppUser): boolean;
  /** A log-in's data did not decrypt. */
  tell(user: AppUser): Promise<void>;
  /** Drops what this process knows of a user. */
  forget(user: AppUser): void;
}

/** Tries in an hour. A user whose program is at fault sends some; data of one's own choice take a million. */
const maxFailures = 30;
const windowMs = 3_600_000;

/** Of one user in one process; the others wait for their turn, so that valid data, many at once, don't take all the tries. */
const maxInHand = 4;
const pauseMs = 20;
/** Beyond it the tries in hand are taken for those of workers that died, which count. */
const maxPauses = 50;

/**
 * Failures and tries in hand are counted apart: only failures can be remembered of a user. Answers 0: taken; how long the window lasts yet
 * where all tries have failed; -1 where some are in hand.
 */
const takeScript = `
local counts = redis.call('HMGET', KEYS[1], 'failed', 'taken')
local failed, taken = tonumber(counts[1]) or 0, tonumber(counts[2]) or 0
if failed >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
if failed + taken >= tonumber(ARGV[1]) then return -1 end
redis.call('HINCRBY', KEYS[1], 'taken', 1)
if failed + taken == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/**
 * ARGV: most failures, window, 1 for a failure, 1 if a try was taken. The window begins with the first failure. Answers as taking does,
 * without -1.
 */
const settleScript = `
local failed = redis.call('HINCRBY', KEYS[1], 'failed', ARGV[3])
local taken = tonumber(redis.call('HGET', KEYS[1], 'taken')) or 0
if ARGV[4] == '1' and taken > 0 then taken = redis.call('HINCRBY', KEYS[1], 'taken', -1) end
if failed + taken == 0 then redis.call('DEL', KEYS[1]) end
if failed == 1 and ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if failed >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
return 0`;

export function createUserDataLimit(client: RedisClient, seal: Seal): UserDataLimit {
  const takeTry = defineScript(client, 'waferTakeTry', takeScript);
  const settleTry = defineScript(client, 'waferSettleTry', settleScript);
  const keyOf = (user: AppUser) => triesKeyOf(seal, user);
  /** Users without a try left, and until when. Only a user who has failed so often comes in here. */
  const spent = new Map<string, number>();
  const turns = new Map<string, LimitFunction>();
  const takeInTurn = async (user: AppUser, name: string): Promise<boolean> => {
    for (let pauses = 0; ; pauses++) {
      if (isSpent(name)) return false;
      const answer = Number(await takeTry([keyOf(user)], [maxFailures, windowMs]));
      if (answer > 0) remember(name, Date.now() + answer);
      if (answer >= 0 || pauses === maxPauses) return answer === 0;
      await setTimeout(pauseMs);
    }
  };
  const settle = async (user: AppUser, hasFailed: boolean, wasTaken: boolean): Promise<void> => {
    const leftMs = Number(await settleTry([keyOf(user)], [maxFailures, windowMs, Number(hasFailed), Number(wasTaken)]));
    if (leftMs > 0) remember(nameOf(user), Date.now() + leftMs);
  };
  const isSpent = (name: string): boolean => {
    const until = spent.get(name);
    if (until !== undefined && until < Date.now()) spent.delete(name);
    return spent.has(name);
  };
  const remember = (name: string, until: number) => {
    if (spent.size >= maxRemembered) spent.clear();
    spent.set(name, until);
  };
  return {
    async take(user) {
      const name = nameOf(user);
      let turn = turns.get(name);
      if (turn === undefined) turns.set(name, (turn = pLimit(maxInHand)));
      try {
        return await turn(takeInTurn, user, name);
      } finally {
        if (turn.activeCount + turn.pendingCount === 0) turns.delete(name);
      }
    },
    // A try that could not be settled stays taken, and so counts.
    settle: (user, hasFailed) => void settle(user, hasFailed, true).catch(() => undefined),
    isSpent: (user) => spent.size > 0 && isSpent(nameOf(user)),
    tell: (user) => settle(user, true, false),
    forget: (user) => void spent.delete(nameOf(user)),
  };
}

/** Beyond it all are forgotten: each is found again with his next failure. */
const maxRemembered = 10_000;

function nameOf({ appid, openId }: AppUser): string {
  return `${appid}\0${openId}`;
}
