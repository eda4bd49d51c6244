import test from 'ava';
import { createConnection } from 'mysql2/promise';
import { openIdOf } from '../../apps/wechat-simulator/users.ts';
import { cacheKeyOf } from '../../shared/session/cache-key.ts';
import { decodeSession } from '../../shared/session/session.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { openRedis } from '../support/open-redis.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack, testAppid } from '../support/stack.ts';
import { until } from '../support/until.ts';

for (const how of ['a log-out', 'a revocation', 'a second log-in']) {
  test.serial(`a cache that restarts before a commit keeps no ended session, ${how}`, async (t) => {
    const onClose = t.teardown.bind(t);
    const cache = await startTestRedis({ onClose });
    const stack = await startStack({ onClose, webs: 2, env: { REDIS_CACHE_URL: cache.url } });
    const { urls, env, database } = stack;
    const [url, other] = urls as [string, string];
    const user = newUser();
    const session = (await login(url, `${user}~1`)).returnData as { id: string; skey: string };
    for (const web of urls) t.is((await auth(web, session)).returnCode, 0);

    const holder = await createConnection({ uri: database.adminUrl });
    t.teardown(() => holder.destroy());
    await holder.query(`use \`${database.name}\``);
    await holder.query('begin');
    await holder.query('select id from cSessionInfo where uuid = ? for update', [session.id]);
    const end = async (): Promise<unknown> => {
      if (how === 'a log-out') return (await call(url, 'qcloud.cam.logout', session)).returnCode;
      if (how === 'a second log-in') return (await login(url, `${user}~2`)).returnCode;
      return (await runCli(env, ['session', 'revoke', '--open-id', openIdOf(testAppid, user), '--json'])).status;
    };
    const before = openRedis(cache.url);
    t.teardown(() => before.disconnect());
    const ending = end();
    const key = cacheKeyOf(session.id);
    await until('the session is marked', async () => (await before.get(key))?.startsWith('W'));
    cache.kill('SIGKILL');
    await cache.exited;
    await startTestRedis({ onClose, port: cache.port });
    const now = openRedis(cache.url);
    t.teardown(() => now.disconnect());
    // It has not ended yet: to ask for it caches it, and then a front end remembers it.
    await until('the session is cached again', async () => {
      t.is((await auth(other, session)).returnCode, 0);
      const since = Number((await now.get('wafer:cache-life'))?.split(' ')[1]);
      const entry = (await now.get(key)) ?? '';
      return decodeSession(entry, Math.floor(Date.now() / 1000), since) !== undefined;
    });
    t.is((await auth(other, session)).returnCode, 0);
    await holder.query('commit');
    t.is(await ending, 0);
    await until(
      'it is refused everywhere',
      async () => {
        const codes = await Promise.all(urls.map(async (web) => (await auth(web, session)).returnCode));
        return codes.every((code) => code === 60012);
      },
      3000,
    );
    t.is((await auth(await stack.addWeb(), session)).returnCode, 60012);
  });
}
