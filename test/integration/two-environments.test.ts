import test from 'ava';
import { Redis } from 'ioredis';
import { parseRedisUrl } from '../../shared/config/redis-url.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis, whenReady } from '../../shared/redis/connect.ts';
import { sendControl } from '../../shared/redis/control.ts';
import { callRoll } from '../../shared/redis/roll-call.ts';
import { listInstances } from '../../shared/redis/presence.ts';
import { auth, login, newUser } from '../support/client.ts';
import { runDoctor } from '../support/doctor.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack } from '../support/stack.ts';

test('environments in two databases of one Redis do not hear each other', async (t) => {
  const onClose = t.teardown.bind(t);
  const redis = await startTestRedis({ onClose });
  const url = (db: number) => `${redis.url}/${db}`;
  const production = await startStack({ onClose, env: { REDIS_URL: url(1) } });
  const staging = await startStack({ onClose, webs: 0, workers: 0, env: { REDIS_URL: url(2) } });
  const causes = async (env: Record<string, string>) =>
    (await runDoctor(env)).findings.filter(({ state }) => state === 'fault').map(({ cause }) => cause);
  t.deepEqual(await causes(staging.env), ['no_web', 'no_worker']);
  t.deepEqual(await causes(production.env), []);

  const connect = async (db: number) => {
    const client = connectRedis(parseRedisUrl(url(db)), 'commands');
    t.teardown(() => client.disconnect());
    await whenReady(client, AbortSignal.timeout(10_000));
    return client;
  };
  const [ofProduction, ofStaging] = [await connect(1), await connect(2)];
  const clock = createRedisClock(ofProduction);
  t.teardown(() => clock.close());
  await clock.sync();
  const instances = await listInstances(ofProduction, clock);
  t.is(instances.length, 2);
  const forget = { kind: 'forget-cached' } as const;
  t.deepEqual(await sendControl(ofProduction, forget, instances, 10_000), []);
  t.deepEqual(await sendControl(ofStaging, forget, instances, 300), instances, 'nobody of production obeys staging');
  t.is((await callRoll(ofStaging, () => false, 300)).size, 0);
  t.is((await callRoll(ofProduction, (answers) => answers.size === 2, 10_000)).size, 2);

  // Every key of an environment is in its database, and log-ins of the other do not touch them.
  const [web] = production.urls;
  const { returnData } = await login(web, newUser());
  t.is((await auth(web, returnData)).returnCode, 0);
  const bare = new Redis(redis.url);
  t.teardown(() => bare.disconnect());
  t.is(await bare.dbsize(), 0);
});
