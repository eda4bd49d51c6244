import test from 'ava';
import { Queue } from 'bullmq';
import { connectRedis } from '../../shared/redis/connect.ts';
import { queueTag } from '../../shared/rpc/contract.ts';
import { auth, login, newUser } from '../support/client.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

test('a log-in that a failover brings back late does not end a later session', async (t) => {
  const onClose = t.teardown.bind(t);
  const stack = await startStack({ onClose, workers: 0 });
  const [url] = stack.urls;
  const connection = connectRedis(stack.config.redis.queue, 'commands');
  const queue = new Queue('login', { connection, prefix: queueTag('login', 0) });
  t.teardown(async () => {
    await queue.close();
    connection.disconnect();
  });
  const user = newUser();
  const first = login(url, `${user}~first`);
  await until('the first log-in is queued', async () => (await queue.getWaitingCount()) === 1);
  const [job] = await queue.getWaiting();
  await job?.remove();

  await stack.addWorker();
  const next = await login(url, `${user}~next`);
  t.is(next.returnMessage, 'NEW_SESSION_SUCCESS');
  // As a replica has it: the same job.
  await queue.add('login', job?.data as object, { jobId: job?.id as string, removeOnComplete: true });
  const { returnData: late } = await first;

  t.is((await auth(url, next.returnData)).returnCode, 0);
  t.is((await auth(url, late)).returnCode, 60012);
  const rows = await stack.database.query<{ skey: string }>('select skey from cSessionInfo');
  t.deepEqual(rows, [{ skey: next.returnData.skey }]);
});
