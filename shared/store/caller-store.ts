import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** A back end that has a key. */
export interface Caller {
  readonly name: string;
  /** SHA-256 of its key, 64 hexadecimal digits. */
  readonly keyHash: string;
  /** The apps that its key is bound to, at least one; null: it may call for every app. */
  readonly appids: readonly string[] | null;
  /** What it may do; null: what callers may by default. See `isPermitted` of shared/callers/permissions.ts. */
  readonly may: readonly string[] | null;
}

export interface ListedCaller extends Caller {
  /** UTC+8, as every datetime of this database. */
  readonly createdAt: string;
}

/** Columns of a row that say what its caller may do. */
interface BindingRow {
  readonly appid: string | null;
  readonly apps: string | null;
  readonly may: string | null;
}

type Binding = Pick<Caller, 'appids' | 'may'>;

export async function readCallers(sequelize: Sequelize): Promise<ListedCaller[]> {
  const rows = await sequelize.query<Omit<ListedCaller, keyof Binding> & BindingRow>(
    `select name, lower(hex(key_hash)) as keyHash, appid, apps, may, date_format(created_at, '%Y-%m-%d %H:%i:%s') as createdAt
     from cWaferCaller order by name`,
    { type: QueryTypes.SELECT },
  );
  return rows.map(({ name, keyHash, createdAt, ...row }) => ({ name, keyHash, ...toBinding(row), createdAt }));
}

function toBinding({ appid, apps, may }: BindingRow): Binding {
  return { appids: appid === null ? null : readApps(appid, apps), may: may === null ? null : may.split(',') };
}

/** A list that does not begin with the app is of before an older version, or somebody by SQL, has bound the key anew. */
function readApps(appid: string, apps: string | null): string[] {
  try {
    const list: unknown = JSON.parse(apps ?? '[]');
    if (Array.isArray(list) && list[0] === appid && list.every((each) => typeof each === 'string')) return list;
  } catch {
    // Then the one app counts, which is less.
  }
  return [appid];
}

function toColumns({ appids, may }: Binding): BindingRow {
  return {
    appid: appids?.[0] ?? null,
    apps: appids === null || appids.length < 2 ? null : JSON.stringify(appids),
    may: may?.join(',') ?? null,
  };
}

/**
 * @param transaction of the entry in the audit log, so that neither is without the other
 * @returns false if there is a caller of this name; its key stays as it is
 */
export async function addCaller(
  sequelize: Sequelize,
  { name, keyHash, ...binding }: Caller,
  transaction: Transaction,
): Promise<boolean> {
  const [, added] = await sequelize.query(
    // The date by hand: the column's default is in the zone of the server.
    `insert ignore into cWaferCaller (name, key_hash, appid, apps, may, created_at)
     values (:name, unhex(:keyHash), :appid, :apps, :may, utc_timestamp() + interval 8 hour)`,
    { replacements: { name, keyHash, ...toColumns(binding) }, type: QueryTypes.INSERT, transaction },
  );
  return added === 1;
}

/** What becomes of a caller's binding; what is left out stays as it is. */
export interface BindingChange {
  readonly name: string;
  readonly appids?: Binding['appids'];
  readonly may?: Binding['may'];
}

/**
 * Changes what the key of a caller is good for.
 * @param transaction as of `addCaller`
 * @returns undefined if there is no caller of this name
 */
export async function bindCaller(
  sequelize: Sequelize,
  { name, ...change }: BindingChange,
  transaction: Transaction,
): Promise<{ readonly before: Binding; readonly now: Binding } | undefined> {
  const [row] = await sequelize.query<BindingRow>(
    'select appid, apps, may from cWaferCaller where name = :name for update',
    { replacements: { name }, type: QueryTypes.SELECT, transaction },
  );
  if (row === undefined) return undefined;
  const before = toBinding(row);
  const now = { ...before, ...change };
  await sequelize.query('update cWaferCaller set appid = :appid, apps = :apps, may = :may where name = :name', {
    replacements: { name, ...toColumns(now) },
    type: QueryTypes.UPDATE,
    transaction,
  });
  return { before, now };
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
