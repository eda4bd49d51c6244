import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 0, workers: 0 });

test.serial('a front end that never could log anybody in is not ready', async (t) => {
  const url = await stack.addWeb();
  await t.throwsAsync(
    Promise.race([untilReady(url), new Promise((_, no) => setTimeout(no, 1500, new Error('late')))]),
    {
      message: 'late',
    },
  );
  t.is((await fetch(`${url}/readyz`)).status, 503);
});

test.serial('a front end that has served is ready in an outage, though nobody asked it before', async (t) => {
  const worker = startProcess('worker', stack.env, t.teardown);
  const web = startProcess('web', stack.env, t.teardown);
  await web.logged('web listens');
  const [, port = ''] = /"port":(\d+)/.exec(web.log.join('\n')) ?? [];
  const url = `http://127.0.0.1:${port}`;
  await worker.logged('worker takes jobs');
  await until('it serves', async () => (await login(url, newUser())).returnCode === 0);
  // It looks twice a second.
  await web.logged('log-ins and checks are possible');
  worker.kill('SIGTERM');
  await worker.exited;
  const statuses: number[] = [];
  await until('it lacks the worker', async () => {
    const answer = await fetch(`${url}/readyz`);
    statuses.push(answer.status);
    return isDeepStrictEqual(await answer.json(), { status: 'ok', degraded: ['worker'] });
  });
  t.true(statuses.every((status) => status === 200));
});
