import type { SessionTimes } from './expiry.ts';
import { aheadSeconds, isOfPresentLife } from './present-life.ts';
import { expandProfile, shortenProfile } from './short-profile.ts';
import { equalHash } from './skey.ts';

/** A session as an auth check needs it: no key, no plain skey. The same whether it comes from the cache or from MySQL. */
export interface Session extends SessionTimes {
  /** Primary key of the row. */
  readonly row: number;
  /** The app that it belongs to; '' in rows of the original, which knew only one. */
  readonly appid: string;
  readonly openId: string;
  /** '' if WeChat gave none. */
  readonly unionId: string;
  readonly skeyHash: string;
  /** The skey before the last log-in, while its time of grace lasts (seconds since 1970). */
  readonly previous?: { readonly skeyHash: string; readonly until: number };
  /** ASCII JSON, ready for the wire, or `null`. */
  readonly userInfoJson: string;
  /** What is known of the skeys before (ended-skeys.ts); from MySQL alone, which alone refuses. */
  readonly endedSkeys?: Buffer;
}

/** Whether an skey opens this session: it is the session's, or the one before within its time of grace. */
export function acceptsSkey(session: Session, skeyHash: string, nowSeconds: number): boolean {
  if (equalHash(session.skeyHash, skeyHash)) return true;
  const { previous } = session;
  return previous !== undefined && nowSeconds <= previous.until && equalHash(previous.skeyHash, skeyHash);
}

/** The profile as it is, and with what profiles have in common in a byte each (short-profile.ts). */
const formats = { plain: '2', short: '3' } as const;

/** An entry counts for so long, whatever its key's expiry is: who can write to Redis leaves nothing there that stays. */
const entryAgeSeconds = 86_400;

/**
 * A session as it lies in Redis: one line of numbers and tokens, then the user_info, ready but for what is short for a phrase.
 * @param tag makes every write of an entry different from all others, so that a compare-and-set can't mistake one for another
 * @param atSeconds from when on its reader or writer knows what happened to it, beside the tag
 */
export function encodeSession(session: Session, tag: string, atSeconds: number): string {
  const { row, createTime, lastVisitTime, fence, skeyHash, appid, openId, unionId, previous, userInfoJson } = session;
  const short = shortenProfile(userInfoJson, [openId, appid, unionId]);
  const texts = [appid, openId, unionId].map(encodeURIComponent);
  const format = short === undefined ? formats.plain : formats.short;
  const head = [format, `${tag}@${atSeconds}`, row, createTime, lastVisitTime, fence, skeyHash, ...texts];
  if (previous !== undefined) head.push(previous.skeyHash, previous.until);
  return `${head.join(' ')}\n${short ?? userInfoJson}`;
}

/** Whether it is meant to be an entry of a version that this server reads. */
export function isEntry(value: string): boolean {
  return value.startsWith(`${formats.short} `) || value.startsWith(`${formats.plain} `);
}

/**
 * @param since entries of then and before do not count
 * @returns undefined for an entry of another version of this server or a damaged one, one that is too old, and one with a time that has not
 * come yet, which would outlive a revocation: it counts as not cached.
 */
export function decodeSession(entry: string, nowSeconds: number, since = 0): Session | undefined {
  const lineEnd = entry.indexOf('\n');
  if (lineEnd < 0 || !isEntry(entry)) return undefined;
  const [, tag = '', row, createTime, lastVisitTime, fence, skeyHash, appid, openId, unionId, previousHash, until] =
    entry.slice(0, lineEnd).split(' ');
  if (skeyHash === undefined || appid === undefined || openId === undefined || unionId === undefined) return undefined;
  const texts = decodeTexts([appid, openId, unionId]);
  if (texts === undefined) return undefined;
  const latest = nowSeconds + aheadSeconds;
  const cachedAt = Number(tag.slice(tag.indexOf('@') + 1));
  if (
    !isOfPresentLife(cachedAt, Math.max(since, nowSeconds - entryAgeSeconds), nowSeconds) ||
    !isTimeUntil(createTime, latest) ||
    !isTimeUntil(lastVisitTime, latest) ||
    !isTimeUntil(fence, latest * 1_000_000) ||
    !isTimeUntil(until ?? '0', Number.MAX_SAFE_INTEGER) ||
    !isTimeUntil(row, Number.MAX_SAFE_INTEGER)
  ) {
    return undefined;
  }
  const profile = entry.slice(lineEnd + 1);
  const isShort = entry.startsWith(formats.short);
  const userInfoJson = isShort ? expandProfile(profile, [texts[1], texts[0], texts[2]]) : profile;
  if (userInfoJson === undefined) return undefined;
  return {
    row: Number(row),
    createTime: Number(createTime),
    lastVisitTime: Number(lastVisitTime),
    fence: Number(fence),
    skeyHash,
    appid: texts[0],
    openId: texts[1],
    unionId: texts[2],
    ...(previousHash === undefined ? {} : { previous: { skeyHash: previousHash, until: Number(until) } }),
    userInfoJson,
  };
}

function isTimeUntil(text: string | undefined, latest: number): boolean {
  const time = Number(text);
  return text !== '' && Number.isSafeInteger(time) && time <= latest;
}

function decodeTexts<Texts extends string[]>(texts: [...Texts]): Texts | undefined {
  try {
    return texts.map(decodeURIComponent) as Texts;
  } catch {
    return undefined;
  }
}
