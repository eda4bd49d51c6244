import { nowSeconds } from './wall-clock.ts';

/** What was read from MySQL later than this counts, in seconds since 1970: the present life of the cache's Redis began then. */
export type CountsSince = () => number | Promise<number>;

/** What lies further ahead than clocks of ours are apart nobody of ours has written. */
export const aheadSeconds = 5;

/** @param atSeconds when the reading of it began */
export function isOfPresentLife(atSeconds: number, sinceSeconds: number, now = nowSeconds()): boolean {
  return atSeconds > sinceSeconds && atSeconds <= now + aheadSeconds;
}
