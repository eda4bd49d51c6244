import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createConnection } from 'mysql2/promise';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { MigrationError } from '../../../shared/store/migrate/migration-error.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { runDoctor } from '../../support/doctor.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { runCli } from './run-cli.ts';

const onClose = closeAfterAll(test);
// A server of this file's own, since its users and global settings are changed.
await ensureServers(['mariadb']);
const folder = await createTemporaryFolder('doctor-answers');
onClose(() => folder.remove());
const server = await startMariadb({ dir: join(folder.path, 'mariadb'), ephemeral: true });
onClose(() => server.stop());
const root = await createConnection({ uri: server.adminUrl, multipleStatements: true });
onClose(async () => root.destroy());
await root.query("create user 'anna'@'127.0.0.1' identified by 'right'; create database cAuth");
interface Expected {
  readonly cause: string;
  /** What is said of the server, by the doctor, by another command and by the migration. */
  readonly found: RegExp;
  readonly remedy: RegExp;
}

async function expectAnswer(t: ExecutionContext, url: string, { cause, found, remedy }: Expected): Promise<void> {
  const { findings } = await runDoctor({ DATABASE_URL: url });
  const faults = findings.filter(({ check, state }) => check.startsWith('database') && state === 'fault');
  t.deepEqual([...new Set(faults.map((fault) => fault.cause))], [cause], JSON.stringify(faults));
  t.regex(faults[0]?.found ?? '', found);
  t.regex(faults[0]?.remedy ?? '', remedy);
  const { stderr } = await runCli({ DATABASE_URL: url, REDIS_URL: 'redis://127.0.0.1:1' }, ['app', 'list']);
  t.regex(stderr, found);
  const error = await t.throwsAsync(migrate({ databaseUrl: url }), { instanceOf: MigrationError });
  t.regex(error?.message ?? '', found);
  for (const said of [JSON.stringify(faults), stderr, error?.message ?? ''])
    t.notRegex(said, /is it running|Start it/i);
}

const urlOf = (password = 'right', user = 'anna') => `mysql://${user}:${password}@127.0.0.1:${server.port}/cAuth`;

/** What a MariaDB says to a user of it, after these statements of root; the others take them back. */
const real: Record<string, Expected & { url?: string; before: string; after: string }> = {
  'a wrong password': {
    before: 'do 0',
    after: 'do 0',
    url: urlOf('wr0ng'),
    cause: 'access_denied',
    found: /refuses the user anna or the password \(1045\)/,
    remedy: /Correct user and password in DATABASE_URL \(special characters are percent-encoded/,
  },
  'a user without a right on the database': {
    before: 'do 0',
    after: 'do 0',
    cause: 'access_denied',
    found: /gives the user anna no right to use this database \(1044\)/,
    remedy: /grant create, .* on `cAuth`\.\* to 'anna'@/,
  },
  'a locked account': {
    before: "alter user 'anna'@'127.0.0.1' account lock",
    after: "alter user 'anna'@'127.0.0.1' account unlock",
    cause: 'database_account_locked',
    found: /has locked the account anna \(4151\)/,
    remedy: /alter user 'anna'@'…' account unlock/,
  },
  'an expired password': {
    before: "set global disconnect_on_expired_password = on; alter user 'anna'@'127.0.0.1' password expire",
    after: "set global disconnect_on_expired_password = off; alter user 'anna'@'127.0.0.1' identified by 'right'",
    cause: 'database_password_expired',
    found: /the password of anna has expired \(1862\)/,
    remedy: /password expire never/,
  },
  'an expired password that lets a client in': {
    before: "grant all on cAuth.* to 'anna'@'127.0.0.1'; alter user 'anna'@'127.0.0.1' password expire",
    after: "revoke all on cAuth.* from 'anna'@'127.0.0.1'; alter user 'anna'@'127.0.0.1' identified by 'right'",
    cause: 'database_password_expired',
    found: /the password of anna has expired \(1820\)/,
    remedy: /password expire never/,
  },
  'too many wrong passwords': {
    before: 'set global max_password_errors = 1',
    after: 'set global max_password_errors = 4294967295; flush privileges',
    cause: 'database_account_locked',
    found: /has locked the account anna after too many wrong passwords \(4150\)/,
    remedy: /flush privileges/,
  },
  ed25519: {
    before:
      "install soname 'auth_ed25519'; create user 'eddi'@'127.0.0.1' identified via ed25519 using password('right')",
    after: "drop user 'eddi'@'127.0.0.1'; uninstall soname 'auth_ed25519'",
    url: urlOf('right', 'eddi'),
    cause: 'database_auth_plugin',
    found: /wants eddi to log in by client_ed25519, which this server does not have/,
    remedy: /mysql_native_password/,
  },
  'the queries of an hour': {
    before: "grant all on cAuth.* to 'anna'@'127.0.0.1' with max_queries_per_hour 1",
    after:
      "revoke all on cAuth.* from 'anna'@'127.0.0.1'; alter user 'anna'@'127.0.0.1' with max_queries_per_hour 0; flush user_resources",
    cause: 'database_user_limit',
    found: /lets anna do no more in this hour \(max_queries_per_hour is used up\) \(1226\)/,
    remedy: /with max_queries_per_hour 0/,
  },
  'the connections of an hour': {
    before: "grant all on cAuth.* to 'anna'@'127.0.0.1' with max_connections_per_hour 1",
    after:
      "revoke all on cAuth.* from 'anna'@'127.0.0.1'; alter user 'anna'@'127.0.0.1' with max_connections_per_hour 0; flush user_resources",
    cause: 'database_user_limit',
    found: /max_connections_per_hour is used up\) \(1226\)/,
    remedy: /with max_connections_per_hour 0/,
  },
};

for (const [what, { before, after, url = urlOf(), ...expected }] of Object.entries(real)) {
  test.serial(`an answer of MariaDB says what it is and what to do: ${what}`, async (t) => {
    await root.query(before);
    t.teardown(() => root.query(after));
    if (what.startsWith('too many wrong')) await runDoctor({ DATABASE_URL: urlOf('wr0ng') });
    if (what.startsWith('the connections')) await (await createConnection({ uri: url })).end();
    await expectAnswer(t, url, expected);
  });
}

/** What can't be brought about here: what other servers say first to whoever connects, as they say it. */
const said: Record<number, Expected & { message: string }> = {
  1040: {
    message: 'Too many connections',
    cause: 'database_too_many_connections',
    found: /too many connections/,
    remedy: /max_connections/,
  },
  1129: {
    message: "Host '10.0.0.7' is blocked because of many connection errors",
    cause: 'database_host_blocked',
    found: /has blocked this machine/,
    remedy: /flush hosts/,
  },
  1130: {
    message: "Host '10.0.0.7' is not allowed to connect to this MySQL server",
    cause: 'database_host_refused',
    found: /lets nobody in from this machine/,
    remedy: /create user 'anna'@/,
  },
  1203: {
    message: "User anna already has more than 'max_user_connections' active connections",
    cause: 'database_too_many_connections',
    found: /no connection left for this user/,
    remedy: /max_user_connections 0/,
  },
  1698: {
    message: "Access denied for user 'anna'@'localhost'",
    cause: 'access_denied',
    found: /by the account of the machine/,
    remedy: /identified by/,
  },
  1053: {
    message: 'Server shutdown in progress',
    cause: 'database_stopping',
    found: /is shutting down/,
    remedy: /Wait until it is back/,
  },
  3032: {
    message: 'The server is currently in offline mode',
    cause: 'database_offline',
    found: /is in offline mode/,
    remedy: /offline_mode = off/,
  },
  3118: {
    message: "Access denied for user 'anna'@'localhost'. Account is locked.",
    cause: 'database_account_locked',
    found: /has locked the account anna \(3118\)/,
    remedy: /account unlock/,
  },
  3159: {
    message: 'Connections using insecure transport are prohibited while --require_secure_transport=ON.',
    cause: 'database_wants_tls',
    found: /over TLS alone/,
    remedy: /ssl-mode=REQUIRED/,
  },
  3955: {
    message: "Access denied for user 'anna'@'localhost'. Account is blocked for 2 day(s)",
    cause: 'database_account_locked',
    found: /after too many wrong passwords \(3955\)/,
    remedy: /account unlock/,
  },
  4321: {
    message: 'Something new, with a secret in it',
    cause: 'database_answers',
    found: /error 4321|refused|Something new/,
    remedy: /perror 4321/,
  },
};

for (const [errno, { message, ...expected }] of Object.entries(said)) {
  test.serial(`an answer of a server says what it is and what to do: ${errno}`, async (t) => {
    const payload = Buffer.concat([Buffer.from([0xff]), Buffer.alloc(2), Buffer.from(`#HY000${message}`)]);
    payload.writeUInt16LE(Number(errno), 1);
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(Buffer.concat([head, payload]));
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.teardown(() => void other.close());
    await expectAnswer(t, `mysql://anna:right@127.0.0.1:${(other.address() as AddressInfo).port}/cAuth`, expected);
  });
}
