import { RateLimiterMemory } from 'rate-limiter-flexible';
import { limitedUserOf } from '../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../shared/rpc/seal.ts';

/**
 * Whether one user may do something once more that costs others something: write a log-in, have WeChat asked about him, or use a phone code.
 * Each worker counts for itself: with three of them a user has up to three times as many. The user of a log-in is only known once WeChat has been asked, so there it spares the database
 * and the other users' writes, not WeChat, which has a limit of its own (45011). Users are remembered by fingerprints, also of those who are
 * erased: else whoever may erase himself has no limit.
 */
export interface UserLimit {
  allows(appid: string, openId: string): Promise<boolean>;
  /** What was allowed was not done after all. */
  giveBack(appid: string, openId: string): Promise<void>;
}

/** @param times of one user in so many seconds, for which each user is remembered; 0: any number */
export function createUserLimit(times: number, seconds: number, seal: Seal): UserLimit {
  const nothing = async () => undefined;
  if (times === 0) return { allows: async () => true, giveBack: nothing };
  const nameOf = (appid: string, openId: string) => limitedUserOf(seal, { appid, openId });
  const limiter = new RateLimiterMemory({ points: times, duration: seconds });
  return {
    allows: (appid, openId) =>
      limiter.consume(nameOf(appid, openId)).then(
        () => true,
        () => false,
      ),
    async giveBack(appid, openId) {
      await limiter.reward(nameOf(appid, openId));
    },
  };
}
