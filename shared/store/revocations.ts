import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';

/** What can be revoked as a whole: an app's sessions, those in rows that name no app, or all. */
export type Revocable = `app ${string}` | 'rows without an app' | 'everything';

/** Notes that sessions of log-ins before this are void, for good. A later time that is noted already stays. */
export async function recordRevocations(
  sequelize: Sequelize,
  revoked: readonly Revocable[],
  revokedBeforeUs: number,
  transaction: Transaction,
): Promise<void> {
  for (const what of revoked) {
    await sequelize.query(
      `insert into cWaferRevocation (what, revoked_before) values (:what, :revokedBeforeUs)
       on duplicate key update revoked_before = greatest(revoked_before, :revokedBeforeUs)`,
      { replacements: { what, revokedBeforeUs }, type: QueryTypes.INSERT, transaction },
    );
  }
}

/** Microseconds since 1970 up to which log-ins are void. */
export interface Revocations {
  readonly ofApp: (appid: string) => number;
  /** Of rows that name no app, whichever app is the default one. */
  readonly withoutApp: number;
}

export async function readRevocations(sequelize: Sequelize): Promise<Revocations> {
  const rows = await sequelize.query<{ what: Revocable; revoked_before: number | string }>(
    'select what, revoked_before from cWaferRevocation',
    { type: QueryTypes.SELECT },
  );
  const times = new Map(rows.map((row) => [row.what, Number(row.revoked_before)]));
  const timeOf = (what: Revocable) => Math.max(times.get(what) ?? 0, times.get('everything') ?? 0);
  return { ofApp: (appid) => timeOf(`app ${appid}`), withoutApp: timeOf('rows without an app') };
}
