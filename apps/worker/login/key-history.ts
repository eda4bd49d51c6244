import type { DefaultLimits } from '../../../shared/session/app-settings.ts';
import { sessionKeyPlace, UnreadableValueError, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { openFormerKeys, replaceKey, type FormerKey } from '../former-keys.ts';
import type { UserRow } from '../store/user-rows.ts';
import { isLive } from './live-rows.ts';

/** What a log-in's former keys depend on, beside the user's rows. */
export interface KeyOfLogin {
  readonly openId: string;
  /** The new one. */
  readonly sessionKey: string;
  /** The app's. */
  readonly limits: DefaultLimits;
  /** Seconds since 1970. */
  readonly time: number;
}

/**
 * The former keys of a log-in, out of the user's rows. WeChat has one key for a user, however many sessions he has here; so the key that
 * is replaced is that of the latest log-in, whichever row the new session goes to. A session that has ended gives none.
 */
export function createKeyHistory(cipher: ColumnCipher): (login: KeyOfLogin, rows: readonly UserRow[]) => FormerKey[] {
  const openKey = ({ appid, sessionKey: stored }: UserRow, openId: string): string => {
    try {
      return cipher.open(sessionKeyPlace(appid, openId), stored);
    } catch (error) {
      // Nobody can say what it was: the log-in mends the row.
      if (error instanceof UnreadableValueError) return '';
      throw error;
    }
  };
  return ({ openId, sessionKey, limits, time }, rows) => {
    const latest = rows
      .filter((row) => isLive(row, limits, time))
      .reduce<UserRow | undefined>(
        (last, row) => (last === undefined || loggedInAt(row) > loggedInAt(last) ? row : last),
        undefined,
      );
    if (latest === undefined) return [];
    const formerKeys = openFormerKeys(cipher, { appid: latest.appid, openId }, latest.formerKeys, time);
    return replaceKey({ sessionKey: openKey(latest, openId), formerKeys }, sessionKey, time);
  };
}

/** In microseconds since 1970; the original moves create_time alone. */
function loggedInAt({ createTime, fence }: UserRow): number {
  return Math.max(createTime * 1_000_000, fence);
}
