import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createConnection } from 'mysql2/promise';
import { QueryTypes } from 'sequelize';
import { getBinary } from '../../../apps/local/servers/binaries.ts';
import { isMariadb } from '../../../apps/local/servers/mariadb-data.ts';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { ConfigError, readConfig } from '../../../shared/config/config.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { runCli } from '../../apps/cli/run-cli.ts';
import { createCertificateAuthority } from '../../support/certificate-authority.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { runDoctor } from '../../support/doctor.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

const onClose = closeAfterAll(test);
await ensureServers(['mariadb']);
const folder = await createTemporaryFolder('database-tls');
onClose(() => folder.remove());
const authority = await createCertificateAuthority(onClose);
const stranger = await createCertificateAuthority(onClose);
const client = authority.issue('client', 'DNS:client.test');

const isMysql = !isMariadb(getBinary('mariadbd'));

async function startServer(name: string, subjectAltName?: string) {
  const issued = subjectAltName === undefined ? undefined : authority.issue(name, subjectAltName);
  const args =
    issued === undefined
      ? [isMysql ? '--tls-version=' : '--skip-ssl']
      : [`--ssl-cert=${issued.certFile}`, `--ssl-key=${issued.keyFile}`, `--ssl-ca=${authority.caFile}`];
  const server = await startMariadb({ dir: join(folder.path, name), ephemeral: true, args });
  onClose(() => server.stop());
  return server;
}
const server = await startServer('right', 'IP:127.0.0.1');
const misnamed = await startServer('misnamed', 'DNS:elsewhere.test');
const plain = await startServer('plain');
const root = await createConnection({ uri: server.adminUrl });
onClose(async () => root.destroy());
await migrate({ databaseUrl: server.url });
await root.query("create user picky@'127.0.0.1' identified by 'pw' require x509");
await root.query("grant all on cAuth.* to picky@'127.0.0.1'");
const picky = `mysql://picky:pw@127.0.0.1:${server.port}/cAuth`;

/** The cipher of a connection of the pool; '' in plain. */
async function cipherOf(url: string): Promise<string> {
  const sequelize = openDatabase(parseDatabaseUrl(url), { poolSize: 1 });
  try {
    const [row] = await sequelize.query<{ Value: string }>("show session status like 'Ssl_cipher'", {
      type: QueryTypes.SELECT,
    });
    return row?.Value ?? '';
  } finally {
    void sequelize.close().catch(() => undefined);
  }
}

const { caFile } = authority;
const own = `ssl-cert=${client.certFile}&ssl-key=${client.keyFile}`;
for (const [what, url, expected] of [
  ['without parameters', server.url, 'plain'],
  ['DISABLED', `${server.url}?ssl-mode=DISABLED`, 'plain'],
  ['PREFERRED', `${server.url}?ssl-mode=PREFERRED`, 'TLS'],
  ['preferred in small letters', `${server.url}?ssl-mode=preferred`, 'TLS'],
  ['REQUIRED', `${server.url}?ssl-mode=REQUIRED`, 'TLS'],
  ['REQUIRED with a CA that did not sign', `${server.url}?ssl-mode=REQUIRED&ssl-ca=${stranger.caFile}`, 'TLS'],
  ['VERIFY_CA', `${server.url}?ssl-mode=VERIFY_CA&ssl-ca=${caFile}`, 'TLS'],
  ['a CA alone', `${server.url}?ssl-ca=${caFile}`, 'TLS'],
  ['VERIFY_CA with a CA that did not sign', `${server.url}?ssl-mode=VERIFY_CA&ssl-ca=${stranger.caFile}`, 'refused'],
  ['a CA alone that did not sign', `${server.url}?ssl-ca=${stranger.caFile}`, 'refused'],
  ['VERIFY_IDENTITY', `${server.url}?ssl-mode=VERIFY_IDENTITY&ssl-ca=${caFile}`, 'TLS'],
  ['VERIFY_CA of a server with another name', `${misnamed.adminUrl}/mysql?ssl-ca=${caFile}`, 'TLS'],
  [
    'VERIFY_IDENTITY of a server with another name',
    `${misnamed.adminUrl}/mysql?ssl-mode=VERIFY_IDENTITY&ssl-ca=${caFile}`,
    'refused',
  ],
  ['PREFERRED of a server without TLS', `${plain.adminUrl}/mysql?ssl-mode=PREFERRED`, 'plain'],
  ['REQUIRED of a server without TLS', `${plain.adminUrl}/mysql?ssl-mode=REQUIRED`, 'refused'],
  ['a certificate of our own', `${picky}?${own}`, 'TLS'],
  ['a certificate of our own and VERIFY_CA', `${picky}?${own}&ssl-mode=VERIFY_CA&ssl-ca=${caFile}`, 'TLS'],
  ['none where the user needs one', `${picky}?ssl-mode=REQUIRED`, 'refused'],
] as const) {
  test.serial(`a connection to MySQL is ${expected}: ${what}`, async (t) => {
    const seen = await cipherOf(url).then(
      (cipher) => (cipher === '' ? 'plain' : 'TLS'),
      () => 'refused',
    );
    t.is(seen, expected);
  });
}

test.serial('migration, commands and the doctor go the same way', async (t) => {
  const [address, url] = [parseDatabaseUrl(server.url), `${server.url}?ssl-mode=VERIFY_IDENTITY&ssl-ca=${caFile}`];
  await root.query(`alter user wafer@'127.0.0.1' require ssl`);
  t.teardown(() => root.query(`alter user wafer@'127.0.0.1' require none`));
  t.is((await migrate({ databaseUrl: url })).database, address.database);
  await t.throwsAsync(migrate({ databaseUrl: server.url }));
  const env = { DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1', WECHAT_API_BASE: 'http://127.0.0.1:1' };
  t.is((await runCli(env, ['app', 'list'])).status, 0);
  t.is((await runCli({ ...env, DATABASE_REPLICA_URL: url }, ['session', 'list'])).status !== 1, true);
  const find = async (databaseUrl: string) => {
    const { findings } = await runDoctor({ ...env, DATABASE_URL: databaseUrl });
    return findings.find(({ check }) => check === 'database.reachable');
  };
  t.is((await find(url))?.state, 'ok');
  const refused = await find(server.url);
  t.is(refused?.cause, 'database_wants_tls', JSON.stringify(refused));
  t.regex(refused?.remedy ?? '', /ssl-mode=REQUIRED/);
  const stranded = await find(`${server.url}?ssl-ca=${stranger.caFile}`);
  t.is(stranded?.cause, 'database_tls', JSON.stringify(stranded));
});

test.serial('certificates that are renewed are used by the next connection', async (t) => {
  const file = join(folder.path, 'renewed.crt');
  await copyFile(stranger.caFile, file);
  const sequelize = openDatabase(parseDatabaseUrl(`${server.url}?ssl-ca=${file}`), { poolSize: 1 });
  t.teardown(() => void sequelize.close().catch(() => undefined));
  await t.throwsAsync(sequelize.query('select 1'));
  await copyFile(caFile, file);
  await t.notThrowsAsync(sequelize.query('select 1'));
});

const password = 'pa55word-of-this-test';
for (const [what, query] of [
  ['an unknown parameter', 'sslmode=require'],
  ['one of another driver', 'useSSL=true'],
  ['an unknown mode', 'ssl-mode=SOMETIMES'],
  ['an empty mode', 'ssl-mode='],
  ['a mode twice', 'ssl-mode=REQUIRED&ssl-mode=DISABLED'],
  ['VERIFY_CA without a CA', 'ssl-mode=VERIFY_CA'],
  ['VERIFY_IDENTITY without a CA', 'ssl-mode=VERIFY_IDENTITY'],
  ['DISABLED with a CA', `ssl-mode=DISABLED&ssl-ca=${caFile}`],
  ['a CA that is not there', 'ssl-ca=/nowhere/ca.pem'],
  ['a CA that is none', `ssl-ca=${client.keyFile}`],
  ['a key that is none', `ssl-cert=${client.certFile}&ssl-key=${client.certFile}`],
  ['a certificate without its key', `ssl-cert=${client.certFile}`],
  ['a key without its certificate', `ssl-key=${client.keyFile}`],
  ['a fragment', 'ssl-mode=REQUIRED#x'],
] as const) {
  for (const variable of ['DATABASE_URL', 'DATABASE_REPLICA_URL']) {
    test(`${variable} with ${what} is a fault`, (t) => {
      const url = (parameters: string) => `mysql://wafer:${password}@127.0.0.1/cAuth${parameters}`;
      const env = { DATABASE_URL: url(''), REDIS_URL: 'redis://127.0.0.1', [variable]: url(`?${query}`) };
      const error = t.throws<ConfigError>(() => readConfig(env), { instanceOf: ConfigError });
      t.is(error?.faults.length, 1);
      t.true(error?.faults[0]?.startsWith(`${variable} `));
      t.false(error?.message.includes(password));
    });
  }
}
