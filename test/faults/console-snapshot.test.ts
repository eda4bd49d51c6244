import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { withClockAhead } from '../support/clock-ahead.ts';
import { startTestConsole, type SignedIn } from '../support/console.ts';
import { openRedis } from '../support/open-redis.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { saveSnapshot, startFromSnapshot } from '../support/redis-snapshot.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const hourMs = 3_600_000;
/** Of one person; beyond it the oldest ends. */
const most = 20;

/** Two consoles whose Redis is reached through a proxy. */
async function startSite(t: ExecutionContext) {
  const onClose = t.teardown.bind(t);
  const redis = await startTestRedis({ onClose });
  const proxy = await startTcpProxy({ port: redis.port, onClose });
  const site = await startTestConsole({ onClose, env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } });
  const urls = [site.url, await site.addConsole()];
  const open = (url: string) => {
    const client = openRedis(url);
    t.teardown(() => client.disconnect());
    return client;
  };
  const statusOf = async (as: SignedIn, url = site.url) => (await site.api('GET', '/me', { as, url })).status;
  return { ...site, redis, proxy, urls, open, statusOf };
}

const idOf = ({ headers }: SignedIn) =>
  createHash('sha256')
    .update((headers['Cookie'] as string).split('=')[1] as string)
    .digest('hex');
const keyOf = (signIn: SignedIn) => `wafer:console:sign-in:${idOf(signIn)}`;

for (const [how, isKilled] of [
  ['after a kill', true],
  ['after a failover', false],
] as const) {
  test.serial(`a Redis without its last changes brings no ended sign-in back, ${how}`, async (t) => {
    const { api, redis, proxy, urls, open, statusOf, person, signIn } = await startSite(t);
    const [admin, other] = [await person('admin'), await person('viewer')];
    const kept = await signIn(admin);
    const out = await signIn(admin);
    const stolen = await signIn(admin);
    const takenOver = await signIn(admin);
    const unvisited = await signIn(admin);
    const [changing, before] = [await signIn(other), await signIn(other)];
    const crowded = await person('viewer');
    const oldest = await signIn(crowded);
    const client = open(redis.url);
    const dump = await saveSnapshot(client);
    const lagging = isKilled ? undefined : await startFromSnapshot(dump, t.teardown.bind(t));

    t.is((await api('DELETE', '/sign-in', { as: out })).status, 204);
    t.is((await api('DELETE', `/me/sign-ins/${idOf(stolen)}`, { as: kept })).status, 204);
    const again = await api('POST', '/sign-in', { body: admin, headers: takenOver.headers });
    t.is(again.status, 204);
    await withClockAhead(hourMs + 1000, async () => t.is(await statusOf(unvisited), 401));
    const passwords = { old: other.password, new: `${other.password}-2` };
    t.is((await api('PUT', '/me/password', { as: changing, body: passwords })).status, 204);
    for (let count = 0; count < most; count++) await signIn(crowded);
    const ended = { out, stolen, takenOver, unvisited, changing, before, oldest };
    for (const [name, each] of Object.entries(ended)) t.is(await statusOf(each), 401, name);

    if (lagging === undefined) {
      redis.kill('SIGKILL');
      await redis.exited;
      await startFromSnapshot(dump, t.teardown.bind(t), redis.port);
    } else {
      proxy.lead(lagging.port);
      proxy.cut();
    }
    const now = open(lagging?.url ?? redis.url);
    for (const [name, each] of Object.entries(ended)) t.is(await now.exists(keyOf(each)), 1, `Redis has ${name} again`);
    for (const url of urls) await until('the console has Redis', async () => (await statusOf(kept, url)) === 200);
    const list = await api('GET', '/me/sign-ins', { as: kept });
    t.deepEqual(
      list.body.items.map(({ id }: { id: string }) => id),
      [idOf(kept)],
    );
    for (const url of urls)
      for (const [name, each] of Object.entries(ended)) t.is(await statusOf(each, url), 401, name);
    t.is((await api('POST', '/callers', { as: stolen, body: { name: 'made' } })).status, 401);
  });
}

test.serial('a new sign-in ends the one before also while Redis does not know that', async (t) => {
  const { api, redis, proxy, statusOf, signIn } = await startSite(t);
  const before = await signIn('admin');
  const lead = (port: number, status: number) => {
    proxy.lead(port);
    proxy.cut();
    return until(`the sign-in before is ${status}`, async () => (await statusOf(before)) === status);
  };
  const empty = await startTestRedis({ onClose: t.teardown.bind(t) });
  await lead(empty.port, 401);
  const untouched = await signIn(before);
  await lead(redis.port, 200);
  await lead(empty.port, 401);
  t.is(await statusOf(untouched), 200);
  const { name, password, headers } = before;
  t.is((await api('POST', '/sign-in', { body: { name, password }, headers })).status, 204);
  await lead(redis.port, 401);
});
