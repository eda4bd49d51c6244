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
  /** Takes a try, which has to be settled if it is taken. */
  take(user: AppUser): Promise<TakenTry>;
  /** What came of a try that was taken. */
  settle(user: AppUser, hasFailed: boolean): void;
  /** As far as this process knows, which costs nothing: for log-ins, each of which costs a code of WeChat. */
  isSpent(user: AppUser): boolean;
  /** A log-in's data did not decrypt: this process knows at once, so that many at once are no more tries. */
  note(user: AppUser): void;
  /** It did after all, with another key. */
  takeBack(user: AppUser): void;
  /** Tells the same to the others. */
  tell(user: AppUser): Promise<void>;
}

/** `crowded`: the user has too many tries under way, of which some have failed. */
type TakenTry = 'taken' | 'spent' | 'crowded';

/** Tries in an hour. A user whose program is at fault sends some; data of one's own choice take a million. */
const maxFailures = 30;
const windowMs = 3_600_000;

/** Of one user in one process; the others wait for their turn, so that valid data, many at once, don't take all the tries. */
const maxInHand = 4;
/** What waits holds a place that calls of other users need: so many may while the user has not failed, */
const maxWaiting = 100;
/** and so many where failures have left him so few tries that they are all in hand: each takes its time then. */
const maxWaitingInNeed = 4;
const pauseMs = 20;
/** Beyond it the tries in hand are taken for those of workers that died, which count. */
const maxPauses = 50;

/**
 * Failures and tries in hand are counted apart: only failures can be remembered of a user. Answers 0: taken; how long the window lasts yet
 * where all tries have failed; -1 where all are in hand, -2 where the rest are.
 */
const takeScript = `
local counts = redis.call('HMGET', KEYS[1], 'failed', 'taken')
local failed, taken = tonumber(counts[1]) or 0, tonumber(counts[2]) or 0
if failed >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
if failed + taken >= tonumber(ARGV[1]) then return failed > 0 and -2 or -1 end
redis.call('HINCRBY', KEYS[1], 'taken', 1)
if failed + taken == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/**
 * ARGV: most failures, window, 1 for a failure, 1 if a try was taken. The window begins with the first failure. Answers as taking does,
 * without what is negative.
 */
const settleScript = `
local failed = redis.call('HINCRBY', KEYS[1], 'failed', ARGV[3])
local taken = tonumber(redis.call('HGET', KEYS[1], 'taken')) or 0
if ARGV[4] == '1' and taken > 0 then taken = redis.call('HINCRBY', KEYS[1], 'taken', -1) end
if failed + taken == 0 then redis.call('DEL', KEYS[1]) end
if failed == 1 and ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if failed >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
return 0`;

/** What the script answers where a user has failed and the tries that are left are in hand. */
const inNeed = -2;

export function createUserDataLimit(client: RedisClient, seal: Seal): UserDataLimit {
  const takeTry = defineScript(client, 'waferTakeTry', takeScript);
  const settleTry = defineScript(client, 'waferSettleTry', settleScript);
  /** A fingerprint, in Redis and here: an erasure of the user leaves what it counts. */
  const nameOf = (user: AppUser) => triesKeyOf(seal, user);
  /** Users without a try left, and until when. Only a user who has failed so often comes in here. */
  const spent = new Map<string, number>();
  const turns = new Map<string, LimitFunction>();
  /** Failures of log-ins that this process has seen, those under way among them, and when they are forgotten. */
  const seen = new Map<string, { count: number; readonly until: number }>();
  const takeInTurn = async (name: string, turn: LimitFunction): Promise<TakenTry> => {
    for (let pauses = 0; ; pauses++) {
      if (isSpent(name)) return 'spent';
      const answer = Number(await takeTry([name], [maxFailures, windowMs]));
      if (answer > 0) remember(name, Date.now() + answer);
      if (answer >= 0) return answer === 0 ? 'taken' : 'spent';
      if (pauses === maxPauses || (answer === inNeed && turn.pendingCount >= maxWaitingInNeed)) return 'crowded';
      await setTimeout(pauseMs);
    }
  };
  const settle = async (user: AppUser, hasFailed: boolean, wasTaken: boolean): Promise<void> => {
    const name = nameOf(user);
    const leftMs = Number(await settleTry([name], [maxFailures, windowMs, Number(hasFailed), Number(wasTaken)]));
    if (leftMs > 0) remember(name, Date.now() + leftMs);
  };
  const isSpent = (name: string): boolean => {
    const until = spent.get(name);
    if (until !== undefined && until < Date.now()) spent.delete(name);
    return spent.has(name);
  };
  const hasSeenAll = (name: string): boolean => {
    const failures = seen.get(name);
    return failures !== undefined && failures.count >= maxFailures && failures.until >= Date.now();
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
      if (turn.pendingCount >= maxWaiting) return 'crowded';
      try {
        return await turn(takeInTurn, name, turn);
      } finally {
        if (turn.activeCount + turn.pendingCount === 0) turns.delete(name);
      }
    },
    // A try that could not be settled stays taken, and so counts.
    settle: (user, hasFailed) => void settle(user, hasFailed, true).catch(() => undefined),
    isSpent(user) {
      if (spent.size + seen.size === 0) return false;
      const name = nameOf(user);
      return isSpent(name) || hasSeenAll(name);
    },
    note(user) {
      const name = nameOf(user);
      if (seen.size >= maxRemembered) seen.clear();
      const known = seen.get(name);
      if (known === undefined || known.until < Date.now()) seen.set(name, { count: 1, until: Date.now() + windowMs });
      else known.count++;
    },
    takeBack(user) {
      const name = nameOf(user);
      const failures = seen.get(name);
      if (failures !== undefined && --failures.count === 0) seen.delete(name);
    },
    tell: (user) => settle(user, true, false),
  };
}

/** Beyond it all are forgotten: each is found again with his next failure. */
const maxRemembered = 10_000;
