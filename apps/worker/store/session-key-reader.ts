import { sessionKeyOf, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { equalHash, hashSkey } from '../../../shared/session/skey.ts';
import { fromWallClock, nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { SessionInfo, SessionInfoRow } from '../../../shared/store/models.ts';

/**
 * The key of a session that a front end has found valid for this skey, for the worker alone: no front end reads the column.
 * @returns undefined if it is not any more
 * @throws {UnreadableValueError} if it is encrypted and does not decrypt
 */
export async function findSessionKey(
  sessionInfo: SessionInfo,
  cipher: ColumnCipher,
  row: number,
  skeyHash: string,
): Promise<{ sessionKey: string; openId: string; unionId: string } | undefined> {
  const found = await findOpenRow(sessionInfo, row, skeyHash);
  if (found === undefined) return undefined;
  const { appid, open_id: openId, union_id: unionId, session_key: stored } = found;
  return { sessionKey: cipher.open(sessionKeyOf(appid, openId), stored), openId, unionId: unionId ?? '' };
}

async function findOpenRow(
  sessionInfo: SessionInfo,
  row: number,
  skeyHash: string,
): Promise<SessionInfoRow | undefined> {
  const found = (await sessionInfo.findOne({
    attributes: ['id', 'skey', 'previous_skey', 'previous_skey_until', 'session_key', 'open_id', 'union_id', 'appid'],
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

/** Whether a row is still open for this skey. */
export async function isSessionOpen(sessionInfo: SessionInfo, row: number, skeyHash: string): Promise<boolean> {
  return (await findOpenRow(sessionInfo, row, skeyHash)) !== undefined;
}
