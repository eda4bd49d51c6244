import { Gauge, type Registry } from 'prom-client';
import { QueryTypes, type Sequelize } from 'sequelize';
import { createOutageWarning, type Log } from '../../shared/log/log.ts';
import { namedApps } from '../../shared/metrics/named-apps.ts';
import type { RedisClock } from '../../shared/redis/clock.ts';
import type { RedisClient } from '../../shared/redis/connect.ts';
import type { AppSettings } from '../../shared/session/app-settings.ts';
import type { SessionLimits } from '../../shared/session/expiry.ts';
import { toWallClock } from '../../shared/session/wall-clock.ts';

const lookEveryMs = 60_000;
/** What a worker saw before that may be another one's task by now. */
const freshMs = 2.5 * lookEveryMs;
const takenKey = (minute: number) => `wafer:{metrics}:live-sessions:${minute}`;
/** So few are counted; of more, what the indexes tell is near enough. */
const few = 200;

/**
 * Shows about how many sessions of each app are valid, so far as MySQL knows of their visits. One worker looks, once a minute.
 * @param deps.registry where the gauge is shown
 */
export function showLiveSessions(deps: {
  readonly registry: Registry;
  readonly sequelize: Sequelize;
  readonly apps: AppSettings;
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly log: Log;
}): { close(): Promise<void> } {
  const { registry, sequelize, apps, commands, clock, log } = deps;
  let seen: { readonly at: number; readonly byApp: ReadonlyMap<string, number> } | undefined;
  new Gauge({
    name: 'wafer_app_sessions_live',
    help: 'Sessions of an app that are valid, about',
    labelNames: ['app'],
    // The one before may still show what it saw.
    aggregator: 'max',
    registers: [registry],
    collect() {
      this.reset();
      if (seen === undefined || performance.now() - seen.at > freshMs) return;
      for (const [app, count] of seen.byApp) this.set({ app }, count);
    },
  });
  const look = async (): Promise<void> => {
    const minute = Math.floor(clock.nowMs() / lookEveryMs);
    if ((await commands.set(takenKey(minute), '1', 'PX', 2 * lookEveryMs, 'NX')) === null) return;
    const known = await apps.current();
    const byApp = new Map<string, number>();
    for (const appid of namedApps(known)) {
      let count = 0;
      for (const [where, limits] of rowsOf(appid, known.default?.appid === appid))
        count += await estimate(sequelize, where, appid, known.limits.get(limits) as SessionLimits, clock.nowMs());
      byApp.set(appid, count);
    }
    seen = { at: performance.now(), byApp };
  };
  const warn = createOutageWarning(log, 'live sessions not estimated');
  let looking: Promise<void> = Promise.resolve();
  const keepLooking = () => void (looking = look().catch(warn));
  const timer = setInterval(keepLooking, lookEveryMs);
  timer.unref();
  keepLooking();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** Which rows are an app's, and by whose limits they live: those that name no app belong to the default one. */
function rowsOf(appid: string, isDefault: boolean): [where: string, limits: string][] {
  const without: [string, string][] = [
    ["appid = ''", ''],
    ['appid is null', ''],
  ];
  return [['appid = :appid', appid], ...(isDefault ? without : [])];
}

async function estimate(
  sequelize: Sequelize,
  where: string,
  appid: string,
  { loginDurationDays, sessionDurationSeconds, revokedBeforeUs }: SessionLimits,
  nowMs: number,
): Promise<number> {
  const now = nowMs / 1000;
  const replacements = {
    appid,
    loggedInSince: toWallClock(Math.floor(Math.max(now - loginDurationDays * 86_400, revokedBeforeUs / 1_000_000))),
    visitedSince: toWallClock(Math.floor(now - sessionDurationSeconds)),
  };
  const ask = async (sql: string) => {
    const [row] = await sequelize.query<{ rows: number | string | null }>(sql, {
      replacements,
      type: QueryTypes.SELECT,
    });
    return Number(row?.rows ?? 0);
  };
  const explain = (index: string, limit: string) =>
    ask(`explain select id from cSessionInfo force index (${index}) where ${where} and ${limit}`);
  const loggedIn = 'create_time >= :loggedInSince';
  const visited = 'last_visit_time >= :visitedSince';
  // There are at most so many as are within either limit.
  const most = Math.min(await explain('app_login', loggedIn), await explain('app_visit', visited));
  if (most > few) return most;
  const rows = `select 1 from cSessionInfo where ${where} and ${loggedIn} and ${visited} limit ${few}`;
  return ask(`select count(*) as \`rows\` from (${rows}) t`);
}
