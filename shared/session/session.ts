import type { SessionTimes } from './expiry.ts';

/** A session as an auth check needs it: no key, no plain skey. The same whether it comes from the cache or from MySQL. */
export interface Session extends SessionTimes {
  /** Primary key of the row. */
  readonly row: number;
  /** The app that it belongs to; '' in rows of the original, which knew only one. */
  readonly appid: string;
  readonly skeyHash: string;
  /** ASCII JSON, ready for the wire, or `null`. */
  readonly userInfoJson: string;
}

const formatVersion = '1';

/**
 * A session as it lies in Redis: one line of numbers and tokens, then the user_info as ready bytes.
 * @param tag makes every write of an entry different from all others, so that a compare-and-set can't mistake one for another
 */
export function encodeSession(session: Session, tag: string): string {
  const { row, createTime, lastVisitTime, skeyHash, appid, userInfoJson } = session;
  const head = [formatVersion, tag, row, createTime, lastVisitTime, skeyHash, encodeURIComponent(appid)].join(' ');
  return `${head}\n${userInfoJson}`;
}

/** @returns undefined for an entry of another version of this server, which counts as not cached. */
export function decodeSession(entry: string): Session | undefined {
  const lineEnd = entry.indexOf('\n');
  const [version, , row, createTime, lastVisitTime, skeyHash, appid] = entry.slice(0, lineEnd).split(' ');
  if (version !== formatVersion || lineEnd < 0 || skeyHash === undefined || appid === undefined) return undefined;
  return {
    row: Number(row),
    createTime: Number(createTime),
    lastVisitTime: Number(lastVisitTime),
    skeyHash,
    appid: appid === '' ? '' : decodeURIComponent(appid),
    userInfoJson: entry.slice(lineEnd + 1),
  };
}
