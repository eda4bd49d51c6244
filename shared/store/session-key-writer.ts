import { QueryTypes, type Sequelize } from 'sequelize';

/**
 * Stores a user's renewed session_key in every row that holds the one before. Keys are compared by exact bytes; the index of the
 * original, by open_id and session_key, finds them.
 * @returns false if no row has the new key: a log-in has stored another one meanwhile
 */
export async function updateSessionKey(
  sequelize: Sequelize,
  { openId, sessionKey, newKey }: { readonly openId: string; readonly sessionKey: string; readonly newKey: string },
): Promise<boolean> {
  const [, changed] = await sequelize.query(
    `update cSessionInfo set session_key = :newKey where ${hasKey('sessionKey')}`,
    { replacements: { openId, sessionKey, newKey }, type: QueryTypes.UPDATE },
  );
  if (changed > 0) return true;
  // It may have been written before, by a try of which nobody heard the end.
  const rows = await sequelize.query(`select id from cSessionInfo where ${hasKey('newKey')} limit 1`, {
    replacements: { openId, newKey },
    type: QueryTypes.SELECT,
  });
  return rows.length > 0;
}

/** SQL: the row is this user's and has this key. By the index first, which compares by a collation; then by exact bytes. */
function hasKey(name: string): string {
  return `open_id = :openId and session_key = :${name}
    and cast(open_id as binary) = cast(:openId as binary) and cast(session_key as binary) = cast(:${name} as binary)`;
}
