import { formerKeysPlace, UnreadableValueError, type ColumnCipher } from '../../shared/keys/column-cipher.ts';

// WeChat seals what a button gives under the session_key of that moment. A log-in replaces the key, and what was sealed before it may
// arrive after it (docs/adr/0039-former-session-keys.md).

/** A session_key of a user. */
export interface UserKey {
  readonly sessionKey: string;
  /** When it was replaced, seconds since 1970 by this server's clock; undefined: it is the latest that is known. */
  readonly replacedAt?: number;
}

export interface FormerKey extends UserKey {
  readonly replacedAt: number;
}

/** So long data that WeChat has sealed may be on their way through the mini program and its back end. */
const lifeSeconds = 900;
/** A mini program that starts may log in several times at once; what it had sealed before still opens. */
const maxKeys = 3;
/** How far WeChat's clock may be ahead of ours: the watermark is of its clock, the change of keys of ours. */
const clockToleranceSeconds = 5;
/** Of the column. */
const maxStoredLength = 600;

/** Whether data with this watermark can have been sealed before the key was replaced. */
export function isSealedInTime(timestamp: unknown, { replacedAt }: UserKey): boolean {
  return replacedAt === undefined || (typeof timestamp === 'number' && timestamp <= replacedAt + clockToleranceSeconds);
}

/**
 * The former keys of a session that gets `newKey`, the latest first.
 * @param before the keys that the user had until now
 * @param now seconds since 1970
 */
export function replaceKey(
  before: { readonly sessionKey: string; readonly formerKeys: readonly FormerKey[] },
  newKey: string,
  now: number,
): FormerKey[] {
  return [{ sessionKey: before.sessionKey, replacedAt: now }, ...before.formerKeys]
    .filter(({ sessionKey }) => sessionKey !== newKey && sessionKey !== '')
    .slice(0, maxKeys);
}

/** The former keys of a row that are still good for something. Those that can't be read count as none: data then fail to open, as before. */
export function openFormerKeys(
  cipher: ColumnCipher,
  { appid, openId }: { readonly appid: string | null; readonly openId: string },
  stored: string | null,
  now: number,
): FormerKey[] {
  if (stored === null || stored === '') return [];
  try {
    return parse(cipher.open(formerKeysPlace(appid, openId), stored)).filter(
      ({ replacedAt }) => now <= replacedAt + lifeSeconds,
    );
  } catch (error) {
    if (error instanceof UnreadableValueError) return [];
    throw error;
  }
}

/** As a row keeps them; as many as it has room for. @returns undefined if there are none */
export function sealFormerKeys(
  cipher: ColumnCipher,
  { appid, openId }: { readonly appid: string; readonly openId: string },
  keys: readonly FormerKey[],
): string | undefined {
  for (let count = keys.length; count > 0; count--) {
    const text = JSON.stringify(keys.slice(0, count).map(({ sessionKey, replacedAt }) => [replacedAt, sessionKey]));
    const stored = cipher.seal(formerKeysPlace(appid, openId), text);
    if (stored.length <= maxStoredLength) return stored;
  }
  return undefined;
}

function parse(text: string): FormerKey[] {
  try {
    return (JSON.parse(text) as [number, string][]).map(([replacedAt, sessionKey]) => ({ sessionKey, replacedAt }));
  } catch {
    return [];
  }
}
