import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { announce, announceEnds, revokedEvent } from '../events/outbox.ts';
import { toApps } from '../session/app-settings.ts';
import { createSessionCache } from '../session/session-cache.ts';
import { readApps } from '../store/app-reader.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { recordRevocations, type Revocable } from '../store/revocations.ts';
import { endSessions } from '../store/session-ender.ts';
import { unknownApp } from './failure.ts';
import { forgetEverywhere } from './forget-everywhere.ts';
import { defaultOf, lockApps, revokedWith } from './locked-apps.ts';
import { findSessions, getSessions, type SessionSelector, type StoredSession } from './sessions.ts';
import type { OpenStores } from './stores.ts';

/**
 * Ends the sessions that are meant, in MySQL and for every process; log-ins of their users that had begun bring no other.
 * @throws {AdministrationFailure} session_unknown if there is none
 */
export async function revokeSessions(
  stores: OpenStores,
  selector: SessionSelector,
  actor: Actor,
): Promise<StoredSession[]> {
  const before = Math.floor(stores.clock.nowMs() * 1000);
  const sessions = await getSessions(stores, selector);
  const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
  const revocation = { selector, defaultAppid, before, actor };
  const revoked = await revokeFound(stores, revocation, sessions);
  if (revoked.length === 0) return getSessions(stores, selector);
  const ended = sessions.filter(({ row }) => revoked.includes(row));
  // A row or an id is the one that was read.
  if (selector.openId === undefined && selector.unionId === undefined) return ended;
  // Of log-ins that had begun, written since the rows were read. Those that are written from here on find the revocation (write-session.ts).
  const late = (await findSessions(stores.sessionInfo, selector, defaultAppid)).filter(
    ({ row, isEnded, fence }) => !isEnded && fence > 0 && fence <= before && !revoked.includes(row),
  );
  if (late.length === 0) return ended;
  const alsoRevoked = await revokeFound(stores, revocation, late);
  return [...ended, ...late.filter(({ row }) => alsoRevoked.includes(row))];
}

/** Whose sessions somebody ends. */
interface Revocation {
  readonly selector: SessionSelector;
  /** To whom rows without an app belong. */
  readonly defaultAppid: string | undefined;
  /** Microseconds of Redis's time: log-ins until then are void. */
  readonly before: number;
  readonly actor: Actor;
}

/** @returns the rows that were still there */
async function revokeFound(
  stores: OpenStores,
  { selector, defaultAppid, before, actor }: Revocation,
  sessions: readonly StoredSession[],
): Promise<number[]> {
  const { sequelize } = stores;
  const cache = createSessionCache(stores.cacheRedis);
  const ids = [...new Set(sessions.map(({ id }) => id))];
  // Cached entries out of the way before the commit; if Redis is away here nothing is revoked, for they would outlive it.
  const mark = await cache.mark(ids);
  const revoked = await inTransaction(sequelize, async (transaction) => {
    const rows = await lockRows(
      sequelize,
      sessions.map(({ row }) => row),
      transaction,
    );
    // Erased since: the audit log is not to name anybody of whom nothing else is kept.
    if (rows.length === 0) return rows;
    const details = { rows, ...(selector.appid === undefined ? {} : { appid: selector.appid }) };
    await announceEnds(sequelize, rows, 'revoked', defaultAppid, { transaction });
    await endSessions(sequelize, rows, 'revoked', { transaction, before });
    await recordAudit(
      sequelize,
      { actor, action: 'session revoke', target: describeTarget(selector, sessions), details },
      transaction,
    );
    return rows;
  });
  // Not after a failure: then the statement may still take effect, and until the mark ends by itself nobody caches the old row.
  await cache.withdraw(ids, mark).catch(() => undefined);
  return revoked;
}

/** Those that are there. None of them can be erased before the transaction ends. */
async function lockRows(sequelize: Sequelize, rows: readonly number[], transaction: Transaction): Promise<number[]> {
  const found = await sequelize.query<{ id: number }>(
    'select id from cSessionInfo where id in (:rows) order by id for update',
    { replacements: { rows: [...rows] }, type: QueryTypes.SELECT, transaction },
  );
  const there = new Set(found.map(({ id }) => id));
  return rows.filter((row) => there.has(row));
}

/** Never a row's number alone: an erasure finds by these names what it takes out of the audit log. */
function describeTarget({ openId, unionId }: SessionSelector, [session]: readonly StoredSession[]): string {
  if (openId !== undefined) return `open_id ${openId}`;
  return unionId === undefined ? `id ${session?.id ?? ''}` : `union_id ${unionId}`;
}

/** What came of the revocation of an app, or of all. */
export interface RevokedApps {
  /** Microseconds since 1970: log-ins before are void. */
  readonly revokedBeforeUs: number;
  /** Processes that did not confirm it: it counts there within five seconds. */
  readonly silent: readonly string[];
}

/**
 * Voids all sessions of an app, or of all, however many there are: by a time that every check compares with. It stays when an app goes and comes back.
 * The original does not know of it; to keep it out as well, stop it.
 * @param appid undefined: every app
 * @throws {AdministrationFailure} app_unknown
 */
export async function revokeApps(stores: OpenStores, appid: string | undefined, actor: Actor): Promise<RevokedApps> {
  const { sequelize, appInfo, clock } = stores;
  const revokedBeforeUs = Math.floor(clock.nowMs() * 1000);
  await inTransaction(sequelize, async (transaction) => {
    const apps = await lockApps(appInfo, transaction);
    if (appid !== undefined && !apps.some((app) => app.appid === appid)) throw unknownApp(appid);
    const target = appid === undefined ? 'everything' : `appid ${appid}`;
    const revoked: Revocable[] = appid === undefined ? ['everything'] : revokedWith(appid, defaultOf(apps));
    await recordRevocations(sequelize, revoked, revokedBeforeUs, transaction);
    await announce(sequelize, [revokedEvent(appid, revokedBeforeUs)], transaction);
    await recordAudit(sequelize, { actor, action: 'session revoke', target }, transaction);
  });
  const { silent } = await forgetEverywhere(stores);
  return { revokedBeforeUs, silent };
}
