import { QueryTypes } from 'sequelize';
import { findNamingEntries } from '../erasure/audit-redaction.ts';
import { firstTraces, withRows } from '../erasure/order.ts';
import { findOpenIds, findPersonRows, type PersonSelector } from '../erasure/person.ts';
import { visitTraces } from '../erasure/redis-traces.ts';
import type { ErasureStores } from '../erasure/stores.ts';
import { triesKeyOf } from '../rpc/ledger-keys.ts';
import { toApps } from '../session/app-settings.ts';
import { createSessionCache } from '../session/session-cache.ts';
import { readEnds } from '../session/ended-skeys.ts';
import { decodeUserInfo } from '../session/user-info.ts';
import { createVisitLog } from '../session/visit-log.ts';
import { toWallClock } from '../session/wall-clock.ts';
import { readApps } from '../store/app-reader.ts';
import { storedUserInfo } from '../store/session-reader.ts';

type Row = Readonly<Record<string, unknown>>;

/** Columns that open something: that they are kept is said, not what they hold. */
const secretColumns = new Set(['skey', 'previous_skey', 'session_key', 'former_keys']);
/** Shown as they are. Of a column that a later version adds nobody knows here whether it is a secret. */
const plainColumns = new Set(
  (
    'id uuid create_time last_visit_time open_id appid slot fence union_id previous_skey_until ' +
    'device_kind device_label client_ip profile_fence caller'
  ).split(' '),
);
/** Shown as the profile. */
const profileColumns = new Set(['user_info', 'user_info_long']);
/** Says of a user no more than the openId beside it. */
const digestColumns = new Set(['user_key']);

/** Everything that is kept of a person, for the person: as readable as it can be, and without what opens a session. */
export async function gatherPerson(stores: ErasureStores, person: PersonSelector) {
  const { sequelize, seal, commands } = stores;
  const apps = toApps(await readApps(stores.appInfo));
  const defaultAppid = apps.default?.appid;
  const openIds = await findOpenIds(sequelize, person, defaultAppid);
  const rows = await findPersonRows(sequelize, openIds, person.appid, defaultAppid);
  const known = withRows(firstTraces('everything', person, openIds), rows, [...apps.byAppid.keys()]);
  const select = async (sql: string, values: readonly (string | number)[]): Promise<Row[]> =>
    values.length === 0
      ? []
      : sequelize.query<Row & object>(sql, { replacements: { values: [...values] }, type: QueryTypes.SELECT });

  const stored = await select('select * from cSessionInfo where id in (:values) order by id', known.rows);
  const dropped = await select('select * from cWaferDropped where open_id in (:values) order by id', openIds);
  const events = await select(
    `select 'kept' as state, at, event, appid, open_id, session_id from cWaferOutbox where open_id in (:values)
     union all select 'kept', at, event, appid, open_id, session_id from cWaferEvent where open_id in (:values)
     union all select concat('not taken by ', endpoint), at, event, appid, open_id, session_id from cWaferDeadLetter
     where open_id in (:values) order by at`,
    openIds,
  );
  const audit = await findNamingEntries(sequelize, known);
  const { visits } = await createVisitLog(commands).read(known.rows);
  const cache = createSessionCache(stores.cacheRedis);
  const cached = await Promise.all(known.ids.map((id) => cache.find(id)));
  const failures = await Promise.all(known.users.map((user) => commands.hget(triesKeyOf(seal, user), 'failed')));
  const phoneNumbers: unknown[] = [];
  let codes = 0;
  let passing = 0;
  await visitTraces(stores, [known], {
    code: () => codes++,
    phone: ({ outcome }) => outcome.ok && phoneNumbers.push(JSON.parse(outcome.dataJson)),
    calls: ({ theirs }) => (passing += theirs.length),
    replies: ({ theirs }) => (passing += theirs.length),
  });
  return {
    of: { openId: person.openId ?? null, unionId: person.unionId ?? null, appid: person.appid ?? null },
    exportedAt: new Date().toISOString(),
    note: 'Times of the database are in UTC+8. Secrets are named, not shown.',
    sessions: stored.map(showSession),
    givenUpAtAdoption: dropped.filter((row) => openIds.includes(row['open_id'] as string)),
    events: events.filter((row) => person.appid === undefined || row['appid'] === person.appid),
    auditLog: audit.map(({ id, target, details }) => ({ id, target, details: JSON.parse(details) as unknown })),
    inRedis: {
      note: 'Copies and counts, each of which ends by itself: docs/privacy.md',
      cachedSessions: cached.filter(({ session }) => session !== undefined).length,
      visitsOnTheirWay: [...visits.values()].map(({ row, time }) => ({ row, at: toWallClock(time) })),
      failedDecryptsInAnHour: failures.reduce((sum, count) => sum + Number(count ?? 0), 0),
      answersToCodes: codes,
      phoneNumbers,
      callsAndReplies: passing,
    },
  };
}

/** Every column, under its own name: none that comes later is left out. */
function showSession(row: Row): Row {
  const columns = Object.entries(row).filter(([name]) => !profileColumns.has(name));
  const shown = columns.map(([name, value]): [string, unknown] => {
    if (secretColumns.has(name)) return [name, value === null || value === '' ? null : 'kept; a secret'];
    if (digestColumns.has(name)) return [name, value === null ? null : 'kept; a digest of appid and open_id'];
    if (name === 'ended_skeys') return [name, showEnds(value as Buffer | null)];
    return [name, plainColumns.has(name) ? value : 'kept; not known to this version'];
  });
  // What can't be read is shown as it is stored.
  const stored = storedUserInfo(row as unknown as Parameters<typeof storedUserInfo>[0]);
  const profile = decodeUserInfo(stored);
  return { ...Object.fromEntries(shown), profile: profile?.value ?? (stored || null) };
}

/** Without the hashes of the skeys. */
function showEnds(entries: Buffer | null): readonly object[] {
  return readEnds(entries).map(({ reason, time }) => ({ reason, at: toWallClock(time) }));
}
