import { sessionKeyPlace, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { openFormerKeys, type FormerKey } from '../former-keys.ts';
import { equalHash, hashSkey } from '../../../shared/session/skey.ts';
import { fromWallClock, nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { SessionInfo, SessionInfoRow } from '../../../shared/store/models.ts';

/** A session's key, whose it is, and the former keys that may still open data. */
export interface SessionKeys {
  readonly sessionKey: string;
  readonly formerKeys: readonly FormerKey[];
  readonly openId: string;
  /** '' if WeChat named none. */
  readonly unionId: string;
}

/**
 * The keys of a session that a front end has found valid for this skey, for the worker alone: no front end reads the columns.
 * @returns undefined if it is not any more
 * @throws {UnreadableValueError} if it is encrypted and does not decrypt
 */
export async function findSessionKey(
  sessionInfo: SessionInfo,
  cipher: ColumnCipher,
  row: number,
  skeyHash: string,
): Promise<SessionKeys | undefined> {
  const found = await findOpenRow(sessionInfo, row, skeyHash);
  if (found === undefined) return undefined;
  const { appid, open_id: openId, union_id: unionId, session_key: stored, former_keys: formerKeys } = found;
  return {
    sessionKey: cipher.open(sessionKeyPlace(appid, openId), stored),
    formerKeys: openFormerKeys(cipher, { appid, openId }, formerKeys, nowSeconds()),
    openId,
    unionId: unionId ?? '',
  };
}

async function findOpenRow(
  sessionInfo: SessionInfo,
  row: number,
  skeyHash: string,
): Promise<SessionInfoRow | undefined> {
  const found = (await sessionInfo.findOne({
    attributes: [
      'id',
      'skey',
      'previous_skey',
      'previous_skey_until',
      'session_key',
      'former_keys',
      'open_id',
      'union_id',
      'appid',
    ],
    where: { id: row },
    raw: true,
  })) as unknown as SessionInfoRow | null;
  if (found === null) return undefined;
  const isCurrent = equalHash(hashSkey(found.skey), skeyHash);
  const isPrevious =
    found.previous_skey !== null &&
    fromWallClock(found.previous_skey_until ?? '') >= nowSeconds() &&
    equalHash(hashSkey(found.previous_skey), skeyHash);
  return isCurrent || isPrevious ? found : undefined;
}

/** Whose session it is; undefined if it is not open for this skey any more. */
export async function findOpenUser(
  sessionInfo: SessionInfo,
  row: number,
  skeyHash: string,
): Promise<string | undefined> {
  return (await findOpenRow(sessionInfo, row, skeyHash))?.open_id;
}

/** The skey that a row has, if it is still open for this one, which may be the one before. */
export async function findOpenSkey(
  sessionInfo: SessionInfo,
  row: number,
  skeyHash: string,
): Promise<string | undefined> {
  return (await findOpenRow(sessionInfo, row, skeyHash))?.skey;
}
