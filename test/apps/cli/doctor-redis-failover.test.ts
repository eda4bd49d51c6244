import test from 'ava';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { login, newUser } from '../../support/client.ts';
import { createFaultTable, runDoctor } from '../../support/doctor.ts';
import { noteSecret } from '../../support/traces.ts';
import { startTestRedisCluster } from '../../support/redis-cluster.ts';
import { startTestSentinel } from '../../support/redis-sentinel.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { startStack } from '../../support/stack.ts';
import { openRedis } from '../../support/open-redis.ts';

const table = createFaultTable('Redis Cluster and Sentinel', ['redis_no_aof', 'wechat_slow']);
test.after.always((t) => t.log(table.render()));

test.serial('a master of a cluster that is down is named', async (t) => {
  const cluster = await startTestRedisCluster({ onClose: t.teardown });
  const stack = await startStack({ onClose: t.teardown, webs: 0, workers: 0, env: { REDIS_URL: cluster.url } });
  const [any] = cluster.nodes;
  const client = openRedis(any?.url);
  const slot = await client.cluster('KEYSLOT', 'wafer:presence');
  client.disconnect();
  // Then nobody knows which processes there are.
  const master = cluster.nodes[Math.floor(slot / Math.ceil(16_384 / cluster.nodes.length))];
  master?.kill('SIGKILL');
  await master?.exited;
  const { findings } = await table.diagnose(t, 'master of a Redis Cluster killed', stack.env, {
    faults: ['redis_master_down'],
    remedy: /cluster nodes/,
  });
  t.regex(findings.find(({ cause }) => cause === 'redis_master_down')?.found ?? '', new RegExp(`:${master?.port} `));
});

test.serial("a Sentinel's master that is down is named, and so are Sentinels that are silent", async (t) => {
  const master = await startTestRedis({ onClose: t.teardown });
  const settings = { 'down-after-milliseconds': 1000 };
  const onClose = t.teardown.bind(t);
  const sentinel = await startTestSentinel({
    onClose,
    masterName: 'main',
    masterPort: master.port,
    quorum: 1,
    settings,
  });
  const url = (name: string) => `redis+sentinel://127.0.0.1:${sentinel.port}/${name}`;
  const stack = await startStack({ onClose: t.teardown, webs: 0, workers: 0, env: { REDIS_URL: url('main') } });
  await table.diagnose(
    t,
    'Sentinel: wrong name of the master',
    { ...stack.env, REDIS_URL: url('other') },
    {
      faults: ['redis_master_unknown'],
      remedy: /sentinel masters/,
    },
  );
  const deadPort = await findFreePort();
  const both = `redis+sentinel://127.0.0.1:${sentinel.port},127.0.0.1:${deadPort}/main`;
  const { findings: ofTwo } = await table.diagnose(
    t,
    'one Sentinel of two down',
    { ...stack.env, REDIS_URL: both },
    {
      // No process was started.
      faults: ['no_web', 'no_worker'],
      warnings: ['redis_some_sentinels_down'],
      remedy: /npm run web/,
    },
  );
  const remedyOfTwo = ofTwo.find(({ cause }) => cause === 'redis_some_sentinels_down')?.remedy ?? '';
  t.regex(remedyOfTwo, new RegExp(`Start 127\\.0\\.0\\.1:${deadPort},`));
  master.kill('SIGKILL');
  await master.exited;
  const { findings } = await table.diagnose(t, "a Sentinel's master killed", stack.env, {
    faults: ['redis_master_down'],
    remedy: /ckquorum main/,
  });
  t.regex(findings.find(({ cause }) => cause === 'redis_master_down')?.found ?? '', new RegExp(`:${master.port} `));
  await sentinel.stop();
  await table.diagnose(t, 'all Sentinels down', stack.env, {
    faults: ['redis_sentinels_down'],
    remedy: /Start 127/,
  });
});

test.serial('the doctor names a wrong password of the Sentinels', async (t) => {
  const onClose = t.teardown.bind(t);
  const password = 'of the/servers?';
  const own = 'of the/sentinels@';
  noteSecret('Redis password', password);
  noteSecret('Sentinel password', own);
  const master = await startTestRedis({ onClose });
  const client = openRedis(master.url);
  await client.config('SET', 'requirepass', password);
  client.disconnect();
  const settings = { 'down-after-milliseconds': 1000, 'auth-pass': `"${password}"` };
  const lines = [`requirepass "${own}"`];
  const part = { onClose, masterName: 'main', masterPort: master.port, quorum: 1, settings, lines };
  const sentinel = await startTestSentinel(part);
  const url = (parameters: string) =>
    `redis+sentinel://:${encodeURIComponent(password)}@127.0.0.1:${sentinel.port}/main${parameters}`;
  const right = url(`?sentinelPassword=${encodeURIComponent(own)}`);
  const stack = await startStack({ onClose, env: { REDIS_URL: right } });
  t.is((await login(stack.urls[0], newUser())).returnCode, 0);
  const withUser = url(`?sentinelUsername=default&sentinelPassword=${encodeURIComponent(own)}`);
  for (const good of [right, withUser]) {
    const { findings } = await runDoctor({ ...stack.env, REDIS_URL: good });
    t.is(findings.find(({ check }) => check === 'redis.sentinel')?.state, 'ok', JSON.stringify(findings));
  }
  await table.diagnose(
    t,
    'Sentinel: no password',
    { ...stack.env, REDIS_URL: url('') },
    { faults: ['redis_sentinel_password'], remedy: /\?sentinelPassword=/ },
  );
  const { findings } = await table.diagnose(
    t,
    'Sentinel: wrong password',
    { ...stack.env, REDIS_URL: url('?sentinelPassword=wrong') },
    { faults: ['redis_sentinel_password'], remedy: /Correct sentinelPassword/ },
  );
  t.false(JSON.stringify(findings).includes(password));
});
