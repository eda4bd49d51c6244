import { QueryTypes, type Sequelize } from 'sequelize';
import { toWallClock } from '../../../shared/session/wall-clock.ts';
import { withFormerSkey } from './former-skeys.ts';
import { fenceToleranceUs, maxUserInfoLength, updateSession, type LoginWrite, type Renewal } from './session-writer.ts';
import { toSqlList, type SqlValue } from './sql-literal.ts';

/**
 * Gives rows their new sessions; plain renewals in one statement, those that end other rows or have a time of grace each in its own.
 * @returns for each whether it is written; false: a later log-in of the user has written meanwhile, and this one's skey is not valid
 */
export async function renewSessions(
  sequelize: Sequelize,
  renewals: readonly Renewal[],
): Promise<(boolean | Promise<boolean>)[]> {
  const together = choosePlain(renewals);
  const alone = (renewal: Renewal) => updateSession(sequelize, renewal);
  if (together.size < 2) return renewals.map(alone);
  const written = await updateTogether(sequelize, [...together.values()]);
  return renewals.map((renewal) => (together.get(renewal.kept.row) === renewal ? written(renewal) : alone(renewal)));
}

/** By row: an update takes one of two that are for the same row, and nobody knows which. */
function choosePlain(renewals: readonly Renewal[]): Map<number, Renewal> {
  const plain = new Map<number, Renewal>();
  for (const renewal of renewals)
    if (isPlain(renewal) && !plain.has(renewal.kept.row)) plain.set(renewal.kept.row, renewal);
  return plain;
}

/** Nothing of the row changes but what every log-in changes. */
function isPlain({ kept, ended, write }: Renewal): boolean {
  return (
    ended.length === 0 &&
    write.previousSkeyUntil === undefined &&
    kept.appid === write.appid &&
    kept.slot === write.slot &&
    (write.userInfo === undefined || write.userInfo.length <= maxUserInfoLength)
  );
}

async function updateTogether(
  sequelize: Sequelize,
  renewals: readonly Renewal[],
): Promise<(renewal: Renewal) => boolean> {
  const rows = renewals.map(({ kept }) => kept.row).join(',');
  /** SQL for the value that belongs to the row at hand. No join with a table of values: making that costs more than the update. */
  const each = (valueOf: (write: LoginWrite) => SqlValue) => {
    const values = renewals.map(({ write }) => valueOf(write));
    // As a rule all are of one second, and none or each has a profile: the server has so much less to parse.
    return values.every((value) => value === values[0])
      ? toSqlList(sequelize, values.slice(0, 1))
      : `elt(field(id,${rows}),${toSqlList(sequelize, values)})`;
  };
  const fence = `cast(${each((write) => write.fence)} as unsigned)`;
  const tooFar = Math.max(...renewals.map(({ nowUs }) => nowUs)) + fenceToleranceUs;
  // Assignments take effect from left to right.
  const [, matched] = await sequelize.query(
    `update cSessionInfo set
       ended_skeys = ${withFormerSkey(renewals)},
       previous_skey = null, previous_skey_until = null,
       skey = ${each((write) => write.skey)},
       session_key = ${each((write) => write.sessionKey)},
       former_keys = ${each((write) => write.formerKeys)},
       create_time = ${each((write) => toWallClock(write.time))}, last_visit_time = create_time,
       union_id = coalesce(${each((write) => write.unionId)}, union_id),
       user_info_long = if(${each((write) => Number(write.userInfo !== undefined))}, null, user_info_long),
       user_info = coalesce(${each((write) => write.userInfo)}, user_info),
       fence = ${fence}
     where id in (${rows}) and (fence < ${fence} or fence > ${tooFar})`,
    { type: QueryTypes.UPDATE },
  );
  if (matched === renewals.length) return () => true;
  // Some came too late, or the server counts otherwise: who is written can be read.
  const found = await sequelize.query<{ id: number; skey: string }>(
    `select id, skey from cSessionInfo where id in (${rows})`,
    { type: QueryTypes.SELECT },
  );
  const skeys = new Map(found.map(({ id, skey }) => [id, skey]));
  return ({ kept, write }) => skeys.get(kept.row) === write.skey;
}
