import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** A back end that has a key. */
export interface Caller {
  readonly name: string;
  /** SHA-256 of its key, 64 hexadecimal digits. */
  readonly keyHash: string;
}

export interface ListedCaller extends Caller {
  /** UTC+8, as every datetime of this database. */
  readonly createdAt: string;
}

export async function readCallers(sequelize: Sequelize): Promise<ListedCaller[]> {
  return sequelize.query<ListedCaller>(
    `select name, lower(hex(key_hash)) as keyHash, date_format(created_at, '%Y-%m-%d %H:%i:%s') as createdAt
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
  { name, keyHash }: Caller,
  transaction: Transaction,
): Promise<boolean> {
  const [, added] = await sequelize.query(
    'insert ignore into cWaferCaller (name, key_hash) values (:name, unhex(:keyHash))',
    { replacements: { name, keyHash }, type: QueryTypes.INSERT, transaction },
  );
  return added === 1;
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
