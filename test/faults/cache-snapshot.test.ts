import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { isEntry } from '../../shared/session/session.ts';
import { cacheKeyOf } from '../../shared/session/cache-key.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { openRedis } from '../support/open-redis.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { saveSnapshot, startFromSnapshot } from '../support/redis-snapshot.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

interface Session {
  readonly id: string;
  readonly skey: string;
}

for (const [how, isKilled] of [
  ['killed and started', true],
  ['replaced by a server that lags behind', false],
] as const) {
  test.serial(`a cache that has lost its last changes brings no ended session back, ${how}`, async (t) => {
    const onClose = t.teardown.bind(t);
    const cache = await startTestRedis({ onClose });
    const proxy = await startTcpProxy({ port: cache.port, onClose });
    const stack = await startStack({ onClose, webs: 2, env: { REDIS_CACHE_URL: `redis://127.0.0.1:${proxy.port}` } });
    const { urls, env } = stack;
    const [url] = urls;
    const users = Array.from({ length: 5 }, newUser);
    const sessions: Session[] = [];
    for (const user of users) sessions.push((await login(url, `${user}~1`)).returnData as Session);
    const [kept, out, revoked, erased, replaced] = sessions as [Session, Session, Session, Session, Session];
    const client = openRedis(cache.url);
    t.teardown(() => client.disconnect());
    const keys = sessions.map(({ id }) => cacheKeyOf(id));
    await until('all are cached', async () => (await client.mget(keys)).every((entry) => isEntry(entry ?? '')));
    for (const session of sessions) for (const web of urls) t.is((await auth(web, session)).returnCode, 0);

    const dump = await saveSnapshot(client);
    const keptEntry = await client.get(cacheKeyOf(kept.id));
    const other = isKilled ? undefined : await startFromSnapshot(dump, t.teardown.bind(t));

    t.is((await call(url, 'qcloud.cam.logout', { id: out.id, skey: out.skey })).returnCode, 0);
    for (const [command, user] of [
      ['session revoke', users[2]],
      ['user erase', users[3]],
    ] as const) {
      const openId = openIdOf(testAppid, user as string);
      const run = await runCli(env, [...command.split(' '), '--open-id', openId, '--json']);
      t.is(run.status, 0, run.stdout + run.stderr);
    }
    t.is((await login(url, `${users[4]}~2`)).returnCode, 0);

    if (other === undefined) {
      cache.kill('SIGKILL');
      await cache.exited;
      await startFromSnapshot(dump, t.teardown.bind(t), cache.port);
    } else {
      proxy.lead(other.port);
      proxy.cut();
    }
    const now = openRedis(other?.url ?? cache.url);
    t.teardown(() => now.disconnect());
    t.is(await now.get(cacheKeyOf(kept.id)), keptEntry, 'it has what it had then');
    for (const web of urls)
      await until('what was cached before is read from MySQL again', async () => {
        t.is((await auth(web, kept)).returnCode, 0);
        return (await now.get(cacheKeyOf(kept.id))) !== keptEntry;
      });
    for (const web of urls)
      for (const ended of [out, revoked, erased, replaced]) t.is((await auth(web, ended)).returnCode, 60012);
  });
}

test.serial('a copy of the apps that a snapshot brings back revives no revoked session', async (t) => {
  const onClose = t.teardown.bind(t);
  const cache = await startTestRedis({ onClose });
  const stack = await startStack({ onClose, env: { REDIS_CACHE_URL: cache.url } });
  const [url] = stack.urls;
  const session = (await login(url, `${newUser()}~1`)).returnData as Session;
  t.is((await auth(url, session)).returnCode, 0);
  const client = openRedis(cache.url);
  t.teardown(() => client.disconnect());
  await until('the apps are there', async () => (await client.get('wafer:apps')) !== null);
  const dump = await saveSnapshot(client);
  const saved = await createTemporaryFolder('saved');
  t.teardown(saved.remove);
  await copyFile(dump, join(saved.path, 'dump.rdb'));
  t.is((await runCli(stack.env, ['session', 'revoke', '--appid', testAppid, '--json'])).status, 0);
  t.is((await auth(url, session)).returnCode, 60012);
  const revoked = await client.get('wafer:apps');

  cache.kill('SIGKILL');
  await cache.exited;
  await startFromSnapshot(join(saved.path, 'dump.rdb'), t.teardown.bind(t), cache.port);
  const now = openRedis(cache.url);
  t.teardown(() => now.disconnect());
  t.not(await now.get('wafer:apps'), revoked);
  const oldEntry = await now.get(cacheKeyOf(session.id));
  await until('the row is cached again', async () => {
    t.is((await auth(url, session)).returnCode, 60012);
    const entry = await now.get(cacheKeyOf(session.id));
    return isEntry(entry ?? '') && entry !== oldEntry;
  });
  const withoutMysql = { DATABASE_URL: 'mysql://nobody:x@127.0.0.1:9/x' };
  // Nobody has written the apps again yet, or somebody has: in neither case the session is valid.
  t.not((await auth(await stack.addWeb(withoutMysql), session)).returnCode, 0);
  const revokedBefore = /"revokedBeforeUs":(\d+)/.exec(revoked ?? '')?.[1];
  t.not(revokedBefore, undefined);
  await until(
    'the apps are written again',
    async () => {
      t.is((await auth(url, session)).returnCode, 60012);
      return (await now.get('wafer:apps'))?.includes(`"revokedBeforeUs":${revokedBefore}`);
    },
    30_000,
  );
  const kept = (await login(url, `${newUser()}~1`)).returnData as Session;
  t.is((await auth(url, kept)).returnCode, 0);
  const young = await stack.addWeb(withoutMysql);
  await until('a front end goes by them', async () => (await auth(young, kept)).returnCode === 0);
  t.not((await auth(young, session)).returnCode, 0);
});
