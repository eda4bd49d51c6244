import { randomBytes } from 'node:crypto';
import { QueryTypes, type Sequelize } from 'sequelize';
import type { PassedLimit } from '../../../shared/session/expiry.ts';
import { toWallClock } from '../../../shared/session/wall-clock.ts';
import { unknownSkey } from '../../../shared/store/session-ender.ts';
import { withFormerSkey } from './former-skeys.ts';
import { fenceToleranceUs } from '../../../shared/store/fence.ts';
import { columnsOf, maxUserInfoLength, userInfoColumns, userKey, type LoginWrite } from './login-write.ts';
import type { RunTogether } from './run-together.ts';
import { noteRenewals, type LoginEvents } from './note-events.ts';
import { toSqlList, type SqlValue } from './sql-literal.ts';
import type { UserRow } from './user-rows.ts';

/** A known user's log-in: the row that its session lives in, and the user's other rows, which end with it. */
export interface Renewal {
  readonly kept: UserRow;
  readonly ended: readonly UserRow[];
  readonly write: LoginWrite;
  /** Why the session in the kept row was over before, if it was. */
  readonly wasOver?: PassedLimit | undefined;
  /** Redis's time in microseconds. */
  readonly nowUs: number;
  readonly events?: LoginEvents | undefined;
}

/**
 * Gives rows their new sessions; plain renewals in one statement, those that end other rows or have a time of grace each in its own.
 * @param runTogether for those with events
 * @returns for each whether it is written; false: a later log-in of the user has written meanwhile, and this one's skey is not valid; or the row
 * has a later profile than the one that was to be stored
 */
export async function renewSessions(
  sequelize: Sequelize,
  renewals: readonly Renewal[],
  runTogether?: RunTogether,
): Promise<(boolean | Promise<boolean>)[]> {
  const together = choosePlain(renewals);
  const alone = (renewal: Renewal) => updateAlone(sequelize, renewal, runTogether);
  if (together.size < 2) return renewals.map(alone);
  const written = await updateTogether(sequelize, [...together.values()], runTogether);
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
  runTogether: RunTogether | undefined,
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
  const profileFence = `cast(${each(({ userInfo, profileFence }) => (userInfo === undefined ? undefined : profileFence))} as unsigned)`;
  const tooFar = Math.max(...renewals.map(({ nowUs }) => nowUs)) + fenceToleranceUs;
  // Assignments take effect from left to right.
  const update = `update cSessionInfo set
       ended_skeys = ${withFormerSkey(renewals)},
       previous_skey = null, previous_skey_until = null,
       skey = ${each((write) => write.skey)},
       session_key = ${each((write) => write.sessionKey)},
       former_keys = ${each((write) => write.formerKeys)},
       create_time = ${each((write) => toWallClock(write.time))}, last_visit_time = create_time,
       union_id = coalesce(${each((write) => write.unionId)}, union_id),
       user_info_long = if(${each((write) => Number(write.userInfo !== undefined))}, null, user_info_long),
       user_info = coalesce(${each((write) => write.userInfo)}, user_info),
       profile_fence = coalesce(${profileFence}, profile_fence),
       device_kind = ${each((write) => write.device?.kind)},
       device_label = ${each((write) => write.device?.label)},
       client_ip = ${each((write) => write.clientIp)},
       caller = ${each((write) => write.caller)},
       fence = ${fence}
     where id in (${rows}) and (fence < ${fence} or fence > ${tooFar})
       and coalesce(profile_fence <= ${profileFence} or profile_fence > ${tooFar}, true)`;
  const matched = await run(sequelize, update, renewals, runTogether);
  if (matched === renewals.length) return () => true;
  // Some came too late, or the server counts otherwise: who is written can be read.
  const found = await sequelize.query<{ id: number; skey: string }>(
    `select id, skey from cSessionInfo where id in (${rows})`,
    { type: QueryTypes.SELECT },
  );
  const skeys = new Map(found.map(({ id, skey }) => [id, skey]));
  return ({ kept, write }) => skeys.get(kept.row) === write.skey;
}

/** @returns how many rows it has written */
async function run(
  sequelize: Sequelize,
  update: string,
  renewals: readonly Renewal[],
  runTogether: RunTogether | undefined,
): Promise<number> {
  const events = runTogether === undefined ? [] : noteRenewals(sequelize, renewals);
  if (runTogether === undefined || events.length === 0)
    return (await sequelize.query(update, { type: QueryTypes.UPDATE }))[1];
  const [updated] = await runTogether([update, ...events]);
  return (updated as { affectedRows: number }).affectedRows;
}

/**
 * Gives one of a user's rows the new session and ends others, in one statement.
 * @param runTogether for one with events
 * @returns as {@link renewSessions} does for each
 */
async function updateAlone(sequelize: Sequelize, renewal: Renewal, runTogether?: RunTogether): Promise<boolean> {
  const { kept, ended, write, nowUs } = renewal;
  const columns = {
    ...columnsOf(write),
    ...(write.userInfo === undefined ? {} : { profile_fence: write.profileFence, ...userInfoColumns(write.userInfo) }),
    ...(write.unionId === undefined ? {} : { union_id: write.unionId }),
    previous_skey_until: write.previousSkeyUntil === undefined ? null : toWallClock(write.previousSkeyUntil),
    user_key: userKey(write.appid, write.openId),
  };
  // Ended rows keep all but their skey, which becomes one that nobody has, and their place among this user's slots.
  const forEnded: Record<string, string> = {
    skey: unknownSkey,
    previous_skey_until: 'null',
    former_keys: 'null',
    slot: 'null',
    user_key: 'null',
  };
  const assignments = Object.keys(columns).map((name) =>
    ended.length === 0 ? `${name} = :${name}` : `${name} = if(id = :kept, :${name}, ${forEnded[name] ?? name})`,
  );
  const rows = [kept, ...ended].map(({ row }) => row);
  // Assignments take effect from left to right: the previous skey is saved before the new one comes.
  const update = `update cSessionInfo set ended_skeys = ${withFormerSkey([renewal])},
       previous_skey = if(:previous_skey_until is null or id <> :kept, null, skey),
       ${assignments.join(', ')}, fence = :fence
     where id in (:rows) and (fence < :fence or fence > :tooFar)
       ${write.userInfo === undefined ? '' : 'and (id <> :kept or profile_fence <= :profile_fence or profile_fence > :tooFar)'}
     order by id = :kept`;
  const replacements = {
    ...columns,
    kept: kept.row,
    rows,
    fence: write.fence,
    tooFar: nowUs + fenceToleranceUs,
    random: randomBytes(32).toString('hex'),
  };
  const events = runTogether === undefined ? [] : noteRenewals(sequelize, [renewal]);
  if (runTogether === undefined || events.length === 0) {
    const [, matched] = await sequelize.query(update, { replacements, type: QueryTypes.UPDATE });
    return matched === rows.length;
  }
  const [updated] = await runTogether([update, ...events], replacements);
  return (updated as { affectedRows: number }).affectedRows === rows.length;
}
