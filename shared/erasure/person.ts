import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** Who is meant: a user of an app, or one person in all apps of an Open Platform account. */
export type PersonSelector = (
  | { readonly openId: string; readonly unionId?: undefined }
  | { readonly unionId: string; readonly openId?: undefined }
) & {
  /** Only as a user of this app. */
  readonly appid?: string | undefined;
};

/** The rows of a person, as far as it takes to find what else is kept. */
export interface PersonRow {
  /** Primary key. */
  readonly row: number;
  /** The id on the wire. */
  readonly id: string;
  readonly openId: string;
  /** '' if there is none. */
  readonly unionId: string;
  /** As in the row: '' or that of an app which may be gone. */
  readonly appid: string;
  readonly skeys: readonly string[];
  /** Of the log-in that wrote it. */
  readonly fence: number;
}

/**
 * The openIds that are meant.
 * @param defaultAppid to whom rows without an app belong
 */
export async function findOpenIds(
  sequelize: Sequelize,
  { openId, unionId, appid }: PersonSelector,
  defaultAppid: string | undefined,
): Promise<string[]> {
  if (openId !== undefined) return [openId];
  const rows = await sequelize.query<{ open_id: string; union_id: string; appid: string | null }>(
    'select open_id, union_id, appid from cSessionInfo where union_id = :unionId',
    { replacements: { unionId }, type: QueryTypes.SELECT },
  );
  // The index compares by a collation.
  const meant = rows.filter((row) => row.union_id === unionId && isOfApp(row.appid, appid, defaultAppid));
  return [...new Set(meant.map((row) => row.open_id))];
}

/** By the index first, which compares by a collation; then by exact bytes. */
export async function findPersonRows(
  sequelize: Sequelize,
  openIds: readonly string[],
  appid: string | undefined,
  defaultAppid: string | undefined,
  { transaction, locks = false }: { readonly transaction?: Transaction; readonly locks?: boolean } = {},
): Promise<PersonRow[]> {
  if (openIds.length === 0) return [];
  const rows = await sequelize.query<{
    id: number;
    uuid: string;
    open_id: string;
    union_id: string | null;
    appid: string | null;
    skey: string;
    previous_skey: string | null;
    fence: number | string;
  }>(
    `select id, uuid, open_id, union_id, appid, skey, previous_skey, fence from cSessionInfo where open_id in (:openIds)
     order by id ${locks ? 'for update' : ''}`,
    {
      replacements: { openIds: [...openIds] },
      type: QueryTypes.SELECT,
      ...(transaction === undefined ? {} : { transaction }),
    },
  );
  return rows
    .filter((row) => openIds.includes(row.open_id) && isOfApp(row.appid, appid, defaultAppid))
    .map((row) => ({
      row: row.id,
      id: row.uuid,
      openId: row.open_id,
      unionId: row.union_id ?? '',
      appid: row.appid ?? '',
      fence: Number(row.fence),
      skeys: row.previous_skey === null ? [row.skey] : [row.skey, row.previous_skey],
    }));
}

/** @param appid undefined: any app */
function isOfApp(stored: string | null, appid: string | undefined, defaultAppid: string | undefined): boolean {
  return appid === undefined || (stored || defaultAppid) === appid;
}
