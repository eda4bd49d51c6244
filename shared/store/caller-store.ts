import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** A back end that has a key. */
export interface Caller {
  readonly name: string;
  /** SHA-256 of its key, 64 hexadecimal digits. */
  readonly keyHash: string;
  /** The app that its key is bound to; null: it may call for every app. */
  readonly appid: string | null;
}

export interface ListedCaller extends Caller {
  /** UTC+8, as every datetime of this database. */
  readonly createdAt: string;
}

export async function readCallers(sequelize: Sequelize): Promise<ListedCaller[]> {
  return sequelize.query<ListedCaller>(
    `select name, lower(hex(key_hash)) as keyHash, appid, date_format(created_at, '%Y-%m-%d %H:%i:%s') as createdAt
     from cWaferCaller order by name`,
    { type: QueryTypes.SELECT },
  );
}

/**
 * @param transaction of the entry in the audit log, so that neither is without the other
 * @returns false if there is a caller of this name; its key stays as it is
 */
export async function addCaller(
  sequelize: Sequelize,
  { name, keyHash, appid }: Caller,
  transaction: Transaction,
): Promise<boolean> {
  const [, added] = await sequelize.query(
    // The date by hand: the column's default is in the zone of the server.
    `insert ignore into cWaferCaller (name, key_hash, appid, created_at)
     values (:name, unhex(:keyHash), :appid, utc_timestamp() + interval 8 hour)`,
    { replacements: { name, keyHash, appid }, type: QueryTypes.INSERT, transaction },
  );
  return added === 1;
}

/**
 * Binds the key of a caller to an app, or to none.
 * @param transaction as of `addCaller`
 * @returns the app before; undefined if there is no caller of this name
 */
export async function bindCaller(
  sequelize: Sequelize,
  { name, appid }: Omit<Caller, 'keyHash'>,
  transaction: Transaction,
): Promise<Pick<Caller, 'appid'> | undefined> {
  const [before] = await sequelize.query<Pick<Caller, 'appid'>>(
    'select appid from cWaferCaller where name = :name for update',
    { replacements: { name }, type: QueryTypes.SELECT, transaction },
  );
  if (before === undefined) return undefined;
  await sequelize.query('update cWaferCaller set appid = :appid where name = :name', {
    replacements: { name, appid },
    type: QueryTypes.UPDATE,
    transaction,
  });
  return before;
}

/**
 * @param transaction as of `addCaller`
 * @returns false if there is no caller of this name
 */
export async function removeCaller(sequelize: Sequelize, name: string, transaction: Transaction): Promise<boolean> {
  const removed = await sequelize.query('delete from cWaferCaller where name = :name', {
    replacements: { name },
    type: QueryTypes.BULKDELETE,
    transaction,
  });
  return removed === 1;
}
