import test from 'ava';
import { createQueueReader } from '../../shared/rpc/queue-state.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { createFaultTable, runDoctor } from '../support/doctor.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { startTestWechat } from '../support/wechat.ts';
import { openRedis } from '../support/open-redis.ts';

const onClose = closeAfterAll(test);
const table = createFaultTable('processes', ['redis_no_aof', 'wechat_slow']);
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const redis = openRedis(stack.env['REDIS_URL']);
onClose(async () => redis.disconnect());
test.after.always((t) => t.log(table.render()));

type OnClose = Parameters<typeof startProcess>[2];

async function start(role: 'web' | 'worker', close: OnClose, env: Record<string, string> = {}) {
  const started = startProcess(role, { ...stack.env, ...env }, close);
  await until(`the ${role} has announced itself`, async () =>
    (await redis.zrange('wafer:presence', '0', '-1')).some((name) => name.includes(`-${started.pid}-`)),
  );
  return started;
}

const startWorker = (close: OnClose, env?: Record<string, string>) => start('worker', close, env);
const startWeb = (close: OnClose, env?: Record<string, string>) => start('web', close, env);

/** Until a job of one of so many queues has waited for six seconds. @returns the log-ins */
async function logInUntilJobsWait({ log }: TestProcess, queueCount: number): Promise<Promise<unknown>[]> {
  const [, port] = /"port":(\d+)/.exec(log.join('\n')) ?? [];
  const answers: Promise<unknown>[] = [];
  await until('a job has waited for six seconds', async () => {
    answers.push(login(`http://127.0.0.1:${port}`, newUser()).catch(() => undefined));
    const queues = await createQueueReader(redis, queueCount).readEach(Date.now());
    return queues.some(({ oldestWaitingMs = 0 }) => oldestWaitingMs > 6000);
  });
  return answers;
}

/** So that each test sees its own processes alone. */
test.beforeEach(async () => {
  await redis.flushall();
});

test.serial('the doctor tells a stopped worker, a killed one and a live one apart', async (t) => {
  const [, stopped, killed] = await Promise.all([
    startWeb(t.teardown),
    startWorker(t.teardown),
    startWorker(t.teardown),
  ]);
  await startWorker(t.teardown);
  stopped.kill('SIGSTOP');
  await table.diagnose(t, 'a worker stopped', stack.env, {
    faults: ['process_stopped'],
    remedy: new RegExp(`kill -CONT ${stopped.pid};`),
  });
  stopped.kill('SIGCONT');
  killed.kill('SIGKILL');
  await killed.exited;
  await table.diagnose(t, 'a worker killed', stack.env, { warnings: ['process_died'], remedy: /npm run worker/ });
});

test.serial('a worker that was killed and has long been replaced is no reason to warn', async (t) => {
  const [, killed] = await Promise.all([startWeb(t.teardown), startWorker(t.teardown), startWorker(t.teardown)]);
  killed.kill('SIGKILL');
  await killed.exited;
  await startWorker(t.teardown);
  // Two minutes ago.
  const names = await redis.zrange('wafer:presence', '0', '-1');
  const name = names.find((each) => each.includes(`-${killed.pid}-`)) ?? '';
  await redis.zincrby('wafer:presence', -120_000, name);
  const { findings, status } = await runDoctor(stack.env);
  t.is(status, 0);
  t.regex(
    findings.find(({ found }) => found.includes(`-${killed.pid}-`))?.found ?? '',
    /ended without a farewell.*another has taken its place/,
  );
  t.false(findings.some(({ cause }) => cause === 'process_died'));
});

test.serial('a worker that hangs is named', async (t) => {
  const onSignal = `process.on('SIGUSR2',()=>{for(;;);})`;
  const [, hanging] = await Promise.all([
    startWeb(t.teardown),
    startWorker(t.teardown, { NODE_OPTIONS: `--import=data:text/javascript,${onSignal}` }),
    startWorker(t.teardown),
  ]);
  hanging.kill('SIGUSR2');
  await table.diagnose(t, 'a worker hangs', stack.env, {
    faults: ['process_hangs'],
    remedy: new RegExp(`top -p ${hanging.pid}\\)`),
  });
});

test.serial('log-ins in a queue that no worker serves are stuck', async (t) => {
  const [web] = await Promise.all([
    startWeb(t.teardown, { LOGIN_QUEUES: '2', LOGIN_DEADLINE_MS: '25000' }),
    startWorker(t.teardown),
  ]);
  const answers = await logInUntilJobsWait(web, 2);
  await table.diagnose(
    t,
    'a queue without a worker',
    { ...stack.env, LOGIN_QUEUES: '2' },
    {
      faults: ['queue_stuck'],
      remedy: /the same LOGIN_QUEUES/,
    },
  );
  web.kill('SIGKILL');
  await Promise.all(answers);
});

test.serial('without a worker nobody can log in', async (t) => {
  const [, killed] = await Promise.all([startWeb(t.teardown), startWorker(t.teardown)]);
  killed.kill('SIGKILL');
  await killed.exited;
  await table.diagnose(t, 'all workers dead', stack.env, {
    faults: ['no_worker'],
    warnings: ['process_died'],
    remedy: /npm run worker/,
  });
});

test.serial('front ends that are stopped or dead are named', async (t) => {
  const [stopped, killed] = await Promise.all([startWeb(t.teardown), startWeb(t.teardown), startWorker(t.teardown)]);
  killed.kill('SIGKILL');
  await killed.exited;
  await table.diagnose(t, 'a front end killed', stack.env, { warnings: ['process_died'], remedy: /npm run web/ });
  stopped.kill('SIGSTOP');
  await table.diagnose(t, 'a front end stopped, no other alive', stack.env, {
    faults: ['process_stopped', 'no_web'],
    warnings: ['process_died'],
    remedy: /kill -CONT/,
  });
});

test.serial('the process whose clock is off is named', async (t) => {
  const late = 'const{now}=Date;Date.now=()=>now()-60000';
  const [, worker] = await Promise.all([
    startWeb(t.teardown),
    startWorker(t.teardown, { NODE_OPTIONS: `--import=data:text/javascript,${late}` }),
  ]);
  const { findings } = await table.diagnose(t, 'clock of a process off', stack.env, {
    faults: ['clock_process'],
    remedy: /NTP/,
  });
  t.regex(findings.find(({ cause }) => cause === 'clock_process')?.found ?? '', new RegExp(`-${worker.pid}-.*behind`));
});

test.serial('more log-ins than the workers can do are overload', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const wechat = await startTestWechat({
    onClose: t.teardown,
    // Only log-ins wait: doctor's own question is answered.
    onRequest: async (_path, code) => {
      if (code !== '' && code !== 'wafer-doctor') await released;
    },
  });
  t.teardown(release);
  const env = { WECHAT_API_BASE: wechat.url, WECHAT_TIMEOUT_MS: '20000', LOGIN_DEADLINE_MS: '25000' };
  const [web] = await Promise.all([
    startWeb(t.teardown, env),
    startWorker(t.teardown, { ...env, WORKER_CONCURRENCY: '1' }),
  ]);
  const answers = await logInUntilJobsWait(web, 1);
  await table.diagnose(
    t,
    'overload',
    { ...stack.env, ...env },
    {
      faults: ['overload'],
      remedy: /npx pm2 scale worker/,
    },
  );
  release();
  await Promise.all(answers);
});
