import { QueryTypes, type Sequelize } from 'sequelize';
import { toWallClock } from '../session/wall-clock.ts';
import { fenceToleranceUs, maxUserInfoLength, updateSession, type LoginWrite } from './session-writer.ts';
import { toSqlList } from './sql-literal.ts';
import type { UserRow } from './user-rows.ts';

/** A known user's log-in: the row that its session lives in, and the user's other rows, which end with it. */
export interface Renewal {
  readonly kept: UserRow;
  readonly ended: readonly UserRow[];
  readonly write: LoginWrite;
  /** Redis's time in microseconds. */
  readonly nowUs: number;
}

/**
 * Gives rows their new sessions; plain renewals in one statement, those that end other rows or have a time of grace each in its own.
 * @returns for each whether it is written; false: a later log-in of the user has written meanwhile, and this one's skey is not valid
 */
export async function renewSessions(
  sequelize: Sequelize,
  renewals: readonly Renewal[],
): Promise<(boolean | Promise<boolean>)[]> {
  const together = choosePlain(renewals);
  const alone = ({ kept, ended, write, nowUs }: Renewal) => updateSession(sequelize, kept, ended, write, nowUs);
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
  const rows = renewals
    // In the order of the primary key, so that two of these never wait for each other.
    .toSorted((left, right) => left.kept.row - right.kept.row)
    .map(({ kept: { row }, write, nowUs }) => {
      const { fence, skey, sessionKey, time, unionId, userInfo } = write;
      const tooFar = nowUs + fenceToleranceUs;
      return `select ${toSqlList(sequelize, [row, fence, tooFar, skey, sessionKey, toWallClock(time), unionId, userInfo])}`;
    });
  const [, matched] = await sequelize.query(
    `update cSessionInfo s join (
       select 0 row_id, 0 fence, 0 too_far, '' skey, '' session_key, '' time, null union_id, null user_info from dual where false
       union all ${rows.join(' union all ')}) v on s.id = v.row_id
     set s.skey = v.skey, s.session_key = v.session_key, s.create_time = v.time, s.last_visit_time = v.time,
       s.previous_skey = null, s.previous_skey_until = null, s.union_id = coalesce(v.union_id, s.union_id),
       s.user_info_long = if(v.user_info is null, s.user_info_long, null),
       s.user_info = coalesce(v.user_info, s.user_info), s.fence = v.fence
     where s.fence < v.fence or s.fence > v.too_far`,
    { type: QueryTypes.UPDATE },
  );
  if (matched === renewals.length) return () => true;
  // Some came too late, or the server counts otherwise: who is written can be read.
  const found = await sequelize.query<{ id: number; skey: string }>(
    'select id, skey from cSessionInfo where id in (:ids)',
    {
      replacements: { ids: renewals.map(({ kept }) => kept.row) },
      type: QueryTypes.SELECT,
    },
  );
  const skeys = new Map(found.map(({ id, skey }) => [id, skey]));
  return ({ kept, write }) => skeys.get(kept.row) === write.skey;
}
