import { QueryTypes, type Sequelize } from 'sequelize';

/** The keys of a row, as its columns have them. */
interface StoredKeys {
  readonly sessionKey: string;
  /** null: none. */
  readonly formerKeys: string | null;
}

/** A row's session_keys as they were read, and what they are to become. */
export interface KeyReplacement {
  /** Primary key. */
  readonly id: number;
  readonly appid: string | null;
  readonly stored: StoredKeys;
  readonly next: StoredKeys;
}

/**
 * Writes other session_keys into rows that are still as they were read, in one statement: what a log-in has written meanwhile stays.
 * The appid is compared as well, because an encrypted key is bound to it.
 * @returns how many rows were changed
 */
export async function replaceSessionKeys(
  sequelize: Sequelize,
  replacements: readonly KeyReplacement[],
): Promise<number> {
  if (replacements.length === 0) return 0;
  // In the order of the primary key, so that two of these never wait for each other.
  const values = [...replacements]
    .sort((left, right) => left.id - right.id)
    .map(({ id, appid, stored, next }) => [
      id,
      appid ?? '',
      stored.sessionKey,
      stored.formerKeys,
      next.sessionKey,
      next.formerKeys,
    ]);
  const rows = [
    `select ? as id, cast(? as binary) as appid, cast(? as binary) as known, cast(? as binary) as known_former,
       ? as next, ? as next_former`,
    ...values.slice(1).map(() => 'select ?, cast(? as binary), cast(? as binary), cast(? as binary), ?, ?'),
  ];
  const [, changed] = await sequelize.query(
    `update cSessionInfo s join (${rows.join(' union all ')}) v on s.id = v.id
     set s.session_key = v.next, s.former_keys = v.next_former
     where cast(s.session_key as binary) = v.known and cast(s.former_keys as binary) <=> v.known_former
       and cast(coalesce(s.appid, '') as binary) = v.appid`,
    { replacements: values.flat(), type: QueryTypes.UPDATE },
  );
  return changed;
}
