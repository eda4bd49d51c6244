import { QueryTypes, type Sequelize } from 'sequelize';
import { sessionKeyPlace, UnreadableValueError, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { replaceSessionKeys } from '../../../shared/store/session-key-replacer.ts';

interface KeyRow {
  readonly id: number;
  readonly appid: string | null;
  readonly session_key: string;
  readonly former_keys: string | null;
}

/** A rotation or a log-in between reading and writing makes it read again. */
const maxRounds = 5;

/**
 * Stores a user's renewed session_key in every row that holds the one before. Two encryptions of one key differ, so the rows are read
 * and compared here, and written where they are still as they were read. A key is renewed because it may be known to others: it is nobody's
 * former key, and those of before go as well.
 * @returns false if no row has the new key: a log-in has stored another one meanwhile
 */
export async function updateSessionKey(
  sequelize: Sequelize,
  cipher: ColumnCipher,
  { openId, sessionKey, newKey }: { readonly openId: string; readonly sessionKey: string; readonly newKey: string },
): Promise<boolean> {
  for (let round = 0; round < maxRounds; round++) {
    const rows = await readKeyRows(sequelize, openId);
    const has = (key: string) => rows.filter((row) => tryOpen(cipher, row, openId) === key);
    const outdated = new Set(has(sessionKey));
    const changing = rows.filter((row) => outdated.has(row) || row.former_keys !== null);
    // A session that has the new key already got it from an earlier try whose end was not seen.
    if (changing.length === 0) return has(newKey).length > 0;
    await replaceSessionKeys(
      sequelize,
      changing.map((row) => ({
        id: row.id,
        appid: row.appid,
        stored: { sessionKey: row.session_key, formerKeys: row.former_keys },
        next: {
          sessionKey: outdated.has(row) ? cipher.seal(sessionKeyPlace(row.appid, openId), newKey) : row.session_key,
          formerKeys: null,
        },
      })),
    );
  }
  throw new Error('the rows of this user kept changing');
}

/** By the index first, which compares by a collation; then by exact bytes. */
async function readKeyRows(sequelize: Sequelize, openId: string): Promise<KeyRow[]> {
  return sequelize.query<KeyRow>(
    `select id, appid, session_key, former_keys from cSessionInfo
     where open_id = :openId and cast(open_id as binary) = cast(:openId as binary)`,
    { replacements: { openId }, type: QueryTypes.SELECT },
  );
}

/** Another row of the user, which is not ours to judge, may be unreadable. */
function tryOpen(cipher: ColumnCipher, { appid, session_key: stored }: KeyRow, openId: string): string | undefined {
  try {
    return cipher.open(sessionKeyPlace(appid, openId), stored);
  } catch (error) {
    if (error instanceof UnreadableValueError) return undefined;
    throw error;
  }
}
