import { QueryTypes, type Sequelize } from 'sequelize';

/** A row's session_key as it was read, and what it is to become. */
export interface KeyReplacement {
  /** Primary key. */
  readonly id: number;
  readonly appid: string | null;
  readonly stored: string;
  readonly next: string;
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
    .map(({ id, appid, stored, next }) => [id, appid ?? '', stored, next]);
  const rows = [
    'select ? as id, cast(? as binary) as appid, cast(? as binary) as known, ? as next',
    ...values.slice(1).map(() => 'select ?, cast(? as binary), cast(? as binary), ?'),
  ];
  const [, changed] = await sequelize.query(
    `update cSessionInfo s join (${rows.join(' union all ')}) v on s.id = v.id
     set s.session_key = v.next
     where cast(s.session_key as binary) = v.known and cast(coalesce(s.appid, '') as binary) = v.appid`,
    { replacements: values.flat(), type: QueryTypes.UPDATE },
  );
  return changed;
}
