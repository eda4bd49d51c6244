import test from 'ava';
import { startAutoscaler } from '../../../apps/autoscaler/autoscaler.ts';
import { createTurns } from '../../../apps/autoscaler/turn.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { createLog } from '../../../shared/log/log.ts';
import { createRedisClock } from '../../../shared/redis/clock.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { connectTestRedis } from '../../support/redis-client.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const clock = createRedisClock(client);
onClose(() => clock.close());

test.serial('of two autoscalers one makes a step at a time, and the other looks again first', async (t) => {
  const [one, other] = [createTurns(client, clock, 'one'), createTurns(client, clock, 'other')];
  t.deepEqual([await one.sinceStepMs(), await other.sinceStepMs()], [undefined, undefined]);
  let steps = 0;
  const step = async () => void steps++;
  t.true(await one.take(async () => void t.false(await other.take(step))));
  t.false(await other.take(step), 'it has not heard of the step');
  t.is(steps, 0);
  t.true(((await other.sinceStepMs()) ?? Infinity) < 60_000);
  t.true(await other.take(step));
  t.is(steps, 1);
});

test.serial('a step that fails gives the turn back, and counts as one', async (t) => {
  const turns = createTurns(client, clock, 'third');
  await turns.sinceStepMs();
  await t.throwsAsync(turns.take(() => Promise.reject(new Error('pm2 is away'))));
  t.not(await turns.sinceStepMs(), undefined);
  t.true(await turns.take(async () => undefined));
});

test.serial('it makes no step while Redis is away, goes on then, and makes none in a dry run', async (t) => {
  const redis = await startTestRedis();
  const env = { DATABASE_URL: 'mysql://user@127.0.0.1/cAuth', REDIS_URL: redis.url, WORKERS_MAX: '3' };
  const run = async (isDryRun: boolean) => {
    const seen = { looks: 0, added: 0 };
    const workers = {
      // One is too few, so that no load is needed.
      list: async () => ({ count: 1, isSteady: seen.looks++ > 0 }),
      add: async () => void seen.added++,
      remove: async () => t.fail('nothing is to be removed'),
      close: () => undefined,
    };
    const service = await startAutoscaler(readConfig(env), { workers, isDryRun }, createLog('autoscaler', 'silent'));
    t.teardown(() => service.close());
    return seen;
  };
  await redis.close();
  const [real, dry] = await Promise.all([run(false), run(true)]);
  await until('both have looked', () => real.looks >= 3 && dry.looks >= 2);
  t.is(real.added, 0);
  const again = await startTestRedis({ port: redis.port });
  t.teardown(() => again.close());
  await until('one is added', () => real.added > 0);
  t.is(dry.added, 0);
});
