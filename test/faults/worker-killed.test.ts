import test from 'ava';
import { createConnection } from 'mysql2/promise';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { auth, login, newUser } from '../support/client.ts';
import { startProcess } from '../support/processes.ts';
import { startStack } from '../support/stack.ts';
import { startTestWechat } from '../support/wechat.ts';
import { until } from '../support/until.ts';
import { openRedis } from '../support/open-redis.ts';

test.serial('a log-in succeeds though its worker died after WeChat’s answer', async (t) => {
  const onClose = t.teardown.bind(t);
  const stack = await startStack({ onClose, workers: 0 });
  const [url] = stack.urls;
  const doomed = startProcess('worker', stack.env, onClose);
  await doomed.logged('worker takes jobs');
  const code = newUser();
  const redis = openRedis(stack.redis?.url);
  t.teardown(() => redis.disconnect());

  // The write waits at a locked table, so the kill comes in just that moment.
  const lock = await createConnection(stack.database.adminUrl);
  await lock.query(`lock tables ${stack.database.name}.cSessionInfo write`);
  const answer = login(url, code);
  await until('the exchange is recorded', async () => {
    const [key] = await redis.keys('*:code:*');
    return key !== undefined && (await redis.hexists(key, 'answer')) === 1;
  });
  doomed.kill('SIGKILL');
  t.is(await doomed.exited, 'SIGKILL');
  await lock.end();
  const healthPort = await findFreePort();
  await stack.addWorker({ WORKER_HEALTH_PORT: String(healthPort) });

  const { returnMessage, returnData } = await answer;
  t.is(returnMessage, 'NEW_SESSION_SUCCESS');
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  t.regex(metrics, /^wafer_jobs_stalled_total\{queue="login"\} 1$/m);
  t.is(stack.wechat?.stats().codes[code], 1);
  t.is((await auth(url, returnData)).returnMessage, 'AUTH_SUCCESS');
  t.is((await stack.database.query('select id from cSessionInfo')).length, 1);
});

test.serial('WeChat is asked at most twice when a worker dies before its answer', async (t) => {
  const onClose = t.teardown.bind(t);
  let asked = 0;
  let onAsked = () => {};
  const firstAsked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  // The first call is never answered.
  const wechat = await startTestWechat({
    onClose,
    onRequest: async () => {
      onAsked();
      if (++asked === 1) await new Promise(() => {});
    },
  });
  const env = { WECHAT_API_BASE: wechat.url, WECHAT_TIMEOUT_MS: '2000', LOGIN_DEADLINE_MS: '8000' };
  const stack = await startStack({ onClose, workers: 0, env });
  const doomed = startProcess('worker', stack.env, onClose);
  await doomed.logged('worker takes jobs');
  const code = newUser();
  const answer = login(stack.urls[0], code);
  await firstAsked;
  doomed.kill('SIGKILL');
  await doomed.exited;
  await stack.addWorker();

  const { returnCode, reason } = await answer;
  // The first call has used the code up, so the second one is refused: a clear answer all the same.
  t.is(returnCode, 40029);
  t.is(reason, 'wechat:40163');
  t.is(asked, 2);
  t.is(wechat.stats().codes[code], 2);
  t.deepEqual(await stack.database.query('select id from cSessionInfo'), []);
});

test.serial('a log-in without any worker is answered by its deadline, and dropped', async (t) => {
  const onClose = t.teardown.bind(t);
  const env = { LOGIN_DEADLINE_MS: '1000', WECHAT_TIMEOUT_MS: '500' };
  const stack = await startStack({ onClose, workers: 0, env });
  const code = newUser();
  const { returnCode, returnMessage, reason } = await login(stack.urls[0], code);
  t.deepEqual([returnCode, returnMessage, reason], [1006, 'CHANGE_SESSION_ERR', 'deadline']);
  // The job still lies there; the worker that finds it drops it and goes on with one whose caller waits.
  await stack.addWorker();
  t.is((await login(stack.urls[0], newUser())).returnCode, 0);
  t.is(stack.wechat?.stats().codes[code], undefined);
});
