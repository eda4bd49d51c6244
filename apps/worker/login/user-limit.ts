import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { AppUser } from '../../../shared/rpc/ledger-keys.ts';

/**
 * How many log-ins of one user are written. The user is only known once WeChat has been asked, so this spares the database and the
 * other users' writes, not WeChat, which has a limit of its own (45011).
 */
export interface UserLimit {
  allows(appid: string, openId: string): Promise<boolean>;
  forget(user: AppUser): Promise<void>;
}

/** Short, because each user who logged in within this time is remembered. */
const limitSeconds = 10;

/** @param logins of one user in ten seconds, in this process; 0: any number */
export function createUserLimit(logins: number): UserLimit {
  if (logins === 0) return { allows: async () => true, forget: async () => undefined };
  const limiter = new RateLimiterMemory({ points: logins, duration: limitSeconds });
  return {
    allows: (appid, openId) =>
      limiter.consume(`${appid}\0${openId}`).then(
        () => true,
        () => false,
      ),
    async forget({ appid, openId }) {
      await limiter.delete(`${appid}\0${openId}`);
    },
  };
}
