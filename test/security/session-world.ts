import { findActor } from '../../apps/cli/actor.ts';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { startWeb } from '../../apps/web/web.ts';
import { revokeApps, revokeSessions } from '../../shared/administration/revoke.ts';
import type { OpenDatabase, OpenRedis } from '../../shared/administration/stores.ts';
import { readConfig, type Config } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { createVisitLog, visitShards } from '../../shared/session/visit-log.ts';
import { fromWallClock } from '../../shared/session/wall-clock.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { defineAppInfo, defineSessionInfo } from '../../shared/store/models.ts';
import type { OnClose } from '../support/closing.ts';
import { createPoster } from '../support/post.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { readEnvelope, type Envelope } from '../support/envelope-check.ts';

type WorldSession = { readonly id: string; readonly skey: string };

const actor = findActor({});

/** Several front ends and workers, with everything that can happen to their sessions from outside. */
export async function startWorld({ onClose, webs }: { onClose: OnClose; webs: number }) {
  const cacheRedis = await startTestRedis({ onClose });
  const stack = await startStack({
    onClose,
    webs: 0,
    workers: 2,
    app: 'is_default = 1',
    env: { REDIS_CACHE_URL: cacheRedis.url },
  });
  const admin = await openStores(stack.config, onClose);
  // As long after a start of Redis as it takes until no visit can be missing from the log any more.
  for (let shard = 0; shard < visitShards; shard++) await admin.redis.commands.set(`wafer:{visits:${shard}}:born`, 1);
  const visitLog = createVisitLog(admin.redis.commands);
  const poster = createPoster();
  onClose(async () => poster.close());

  const startFrontEnd = async () => {
    const web = await startWeb(readConfig(stack.env), createLog('web', 'silent'));
    const url = `http://127.0.0.1:${web.port}`;
    await untilReady(url);
    return { url, close: () => web.close() };
  };
  const frontEnds = await Promise.all(Array.from({ length: webs }, startFrontEnd));
  const closing: Promise<void>[] = [];
  onClose(async () => {
    await Promise.all([...closing, ...frontEnds.map((web) => web.close())]);
  });
  const urlOf = (web: number) => frontEnds[web % webs]?.url as string;

  return {
    addApp: async (appid: string, columns: Readonly<Record<string, string | number>>) => {
      await stack.database.query('insert into cAppinfo set ?', [{ appid, secret: 's', ...columns }]);
    },
    async call(web: number, interfaceName: string, para: object): Promise<Envelope> {
      const body = JSON.stringify({ interface: { interfaceName, para } });
      return readEnvelope(await poster.post(`${urlOf(web)}/mina_auth/`, body));
    },
    async forwardAuth(web: number, { id, skey }: WorldSession, appid: string): Promise<number> {
      const headers = { 'X-WX-Id': id, 'X-WX-Skey': skey, 'X-Wafer-Appid': appid };
      const response = await fetch(`${urlOf(web)}/forward-auth`, { headers });
      return response.status;
    },
    revoke: (selector: { id: string } | { openId: string; appid: string }) =>
      revokeSessions({ ...admin.database, ...admin.redis }, selector, actor),
    revokeApp: (appid: string) => revokeApps({ ...admin.database, ...admin.redis }, appid, actor),
    flushCache: () => admin.redis.cacheRedis.flushall(),
    clearCache: () => clearCache(admin.redis.commands, admin.redis.cacheRedis, admin.redis.clock),
    /** Another process takes its place; the one before answers what it has in hand. */
    async replaceFrontEnd(web: number) {
      const next = await startFrontEnd();
      const before = frontEnds[web % webs];
      frontEnds[web % webs] = next;
      if (before !== undefined) closing.push(before.close());
    },
    /** Sets a session back in time, as if it had not been used since. @param lastVisit UTC+8 */
    async setBack(id: string, seconds: number, lastVisit: string) {
      await stack.database.query(
        `update cSessionInfo set create_time = create_time - interval ? second, last_visit_time = ?,
           previous_skey_until = previous_skey_until - interval ? second where uuid = ?`,
        [seconds, lastVisit, seconds, id],
      );
    },
    /** Until others can see that a session was used just now: a front end tells them a few times a second. */
    async untilVisitIsKnown(id: string, time: number) {
      const [row] = await stack.database.query<{ id: number; since: string }>(
        'select id, cast(last_visit_time as char) since from cSessionInfo where uuid = ?',
        [id],
      );
      const { id: key, since } = row as { id: number; since: string };
      await until('the visit is in the log', async () => {
        const visit = (await visitLog.read([key])).visits.get(key);
        return visit !== undefined && visit.time >= time && visit.base <= fromWallClock(since);
      });
    },
  };
}

/** What the command line works with, open until the end. */
async function openStores(config: Config, onClose: OnClose): Promise<{ database: OpenDatabase; redis: OpenRedis }> {
  const sequelize = openDatabase(config.database.primary, { poolSize: 4 });
  const commands = connectRedis(config.redis.queue, 'commands');
  const cacheRedis = connectRedis(config.redis.cache, 'commands');
  const clock = createRedisClock(commands);
  onClose(async () => {
    clock.close();
    commands.disconnect();
    cacheRedis.disconnect();
    await sequelize.close();
  });
  const signal = AbortSignal.timeout(10_000);
  await Promise.all([whenReady(commands, signal), whenReady(cacheRedis, signal)]);
  await clock.sync();
  return {
    database: { sequelize, appInfo: defineAppInfo(sequelize), sessionInfo: defineSessionInfo(sequelize) },
    redis: { commands, cacheRedis, clock },
  };
}
