import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { AppUser } from '../../shared/rpc/ledger-keys.ts';

/**
 * How often one user has done in this process what costs others something: written a log-in, or had WeChat asked about a phone code, of
 * which an app has so many a minute (45009). The user of a log-in is only known once WeChat has been asked, so there it spares the database
 * and the other users' writes, not WeChat, which has a limit of its own (45011).
 */
export interface UserLimit {
  allows(appid: string, openId: string): Promise<boolean>;
  /** What was allowed was not done after all. */
  giveBack(appid: string, openId: string): Promise<void>;
  forget(user: AppUser): Promise<void>;
}

/** @param times of one user in so many seconds, for which each user is remembered; 0: any number */
export function createUserLimit(times: number, seconds: number): UserLimit {
  const nothing = async () => undefined;
  if (times === 0) return { allows: async () => true, giveBack: nothing, forget: nothing };
  const limiter = new RateLimiterMemory({ points: times, duration: seconds });
  return {
    allows: (appid, openId) =>
      limiter.consume(`${appid}\0${openId}`).then(
        () => true,
        () => false,
      ),
    async giveBack(appid, openId) {
      await limiter.reward(`${appid}\0${openId}`);
    },
    async forget({ appid, openId }) {
      await limiter.delete(`${appid}\0${openId}`);
    },
  };
}
