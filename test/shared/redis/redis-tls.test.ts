import test from 'ava';
import { Redis } from 'ioredis';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { ConfigError, readConfig } from '../../../shared/config/config.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';
import { createCertificateAuthority } from '../../support/certificate-authority.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestSentinel } from '../../support/redis-sentinel.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const authority = await createCertificateAuthority(onClose);
const stranger = await createCertificateAuthority(onClose);
const served = authority.issue('server', 'IP:127.0.0.1');
const own = authority.issue('client', 'DNS:client.test');
const elsewhere = authority.issue('elsewhere', 'DNS:elsewhere.test');

const files = ({ certFile, keyFile }: typeof served, authClients: 'yes' | 'no') =>
  `--tls-cert-file ${certFile} --tls-key-file ${keyFile} --tls-ca-cert-file ${authority.caFile} --tls-auth-clients ${authClients}`;
async function startTlsRedis(certificate: typeof served, authClients: 'yes' | 'no', more = '') {
  const port = await findFreePort();
  const args = `--tls-port ${port} ${files(certificate, authClients)} ${more}`.trim().split(' ');
  return { port, plain: await startTestRedis({ onClose, args }) };
}
const single = await startTlsRedis(served, 'no');
const misnamed = await startTlsRedis(elsewhere, 'no');
const picky = await startTlsRedis(served, 'yes');
const clusterArgs =
  '--cluster-enabled yes --cluster-config-file nodes.conf --tls-cluster yes --cluster-announce-ip 127.0.0.1';
const cluster = await startTlsRedis(served, 'no', clusterArgs);
const admin = new Redis(cluster.plain.url);
await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
await until('the cluster serves', async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
admin.disconnect();
const sentinelPort = await findFreePort();
await startTestSentinel({
  onClose,
  masterName: 'main',
  masterPort: single.port,
  quorum: 1,
  settings: {},
  lines: [
    `tls-port ${sentinelPort}`,
    `tls-cert-file ${served.certFile}`,
    `tls-key-file ${served.keyFile}`,
    `tls-ca-cert-file ${authority.caFile}`,
    'tls-auth-clients no',
    'tls-replication yes',
  ],
});
const ca = `ca=${authority.caFile}`;
const certificate = `cert=${own.certFile}&key=${own.keyFile}`;
for (const [what, url, isRight] of [
  ['one server', `rediss://127.0.0.1:${single.port}?${ca}`, true],
  ['one server, a database number', `rediss://127.0.0.1:${single.port}/3?${ca}`, true],
  ['a CA that did not sign', `rediss://127.0.0.1:${single.port}?ca=${stranger.caFile}`, false],
  ['no CA of our own', `rediss://127.0.0.1:${single.port}`, false],
  ['a server with another name', `rediss://127.0.0.1:${misnamed.port}?${ca}`, false],
  ['a certificate of our own', `rediss://127.0.0.1:${picky.port}?${ca}&${certificate}`, true],
  ['none where one is asked for', `rediss://127.0.0.1:${picky.port}?${ca}`, false],
  ['a Cluster', `rediss+cluster://127.0.0.1:${cluster.port}?${ca}`, true],
  ['a Cluster whose CA did not sign', `rediss+cluster://127.0.0.1:${cluster.port}?ca=${stranger.caFile}`, false],
  ['a Sentinel', `rediss+sentinel://127.0.0.1:${sentinelPort}/main?${ca}`, true],
  ['a Sentinel whose CA did not sign', `rediss+sentinel://127.0.0.1:${sentinelPort}/main?ca=${stranger.caFile}`, false],
] as const) {
  test(`Redis over TLS, ${what}: ${isRight ? 'it is used' : 'it is refused'}`, async (t) => {
    const errors: Error[] = [];
    const onError = (error: Error) => void errors.push(error);
    const client = connectRedis(parseRedisUrl(url), 'commands', { onError, commandTimeoutMs: 5000 });
    t.teardown(() => client.disconnect());
    if (isRight) {
      await whenReady(client, AbortSignal.timeout(20_000));
      t.is(await client.set('tls', what), 'OK');
    } else {
      await until('it has failed', async () => errors.length > 0);
      t.not(client.status, 'ready');
    }
  });
}

const password = 'pa55word-of-Redis';
for (const [what, url] of [
  ['an unknown parameter', `redis://:${password}@127.0.0.1?family=4`],
  ['a database number as a parameter', `redis://:${password}@127.0.0.1?db=2`],
  ['a CA without TLS', `redis://:${password}@127.0.0.1?${ca}`],
  ['a CA that is not there', `rediss://:${password}@127.0.0.1?ca=/nowhere/ca.pem`],
  ['a certificate without its key', `rediss://:${password}@127.0.0.1?cert=${own.certFile}`],
  ['a parameter twice', `rediss://:${password}@127.0.0.1?${ca}&${ca}`],
  ['a parameter without a value', `rediss://:${password}@127.0.0.1?ca=`],
  ["a Sentinel's password without Sentinels", `redis://:${password}@127.0.0.1?sentinelPassword=${password}`],
  ["a Sentinel's user without a password", `redis+sentinel://:${password}@127.0.0.1/main?sentinelUsername=me`],
] as const) {
  for (const variable of ['REDIS_URL', 'REDIS_CACHE_URL']) {
    test(`${variable} with ${what} is a fault`, (t) => {
      const env = { DATABASE_URL: 'mysql://wafer@127.0.0.1/cAuth', REDIS_URL: 'redis://127.0.0.1', [variable]: url };
      const error = t.throws<ConfigError>(() => readConfig(env), { instanceOf: ConfigError });
      t.is(error?.faults.length, 1);
      t.true(error?.faults[0]?.startsWith(`${variable} `));
      t.false(error?.message.includes(password));
    });
  }
}
