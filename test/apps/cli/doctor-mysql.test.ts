import { join } from 'node:path';
import test from 'ava';
import { createConnection, type Connection } from 'mysql2/promise';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { createFaultTable } from '../../support/doctor.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { startStack } from '../../support/stack.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

const onClose = closeAfterAll(test);
const table = createFaultTable('MySQL', ['redis_no_aof', 'wechat_slow']);

// A server of this file's own, since its global settings are changed.
await ensureServers(['mariadb']);
const folder = await createTemporaryFolder('doctor-mysql');
onClose(() => folder.remove());
const server = await startMariadb({ dir: join(folder.path, 'mariadb'), ephemeral: true });
onClose(() => server.stop());
process.env['TEST_DATABASE_URL'] = server.adminUrl;
const stack = await startStack({ onClose });
const direct = new URL(stack.database.url);
direct.port = String(server.port);
/** The processes have their own way to the server; this is the doctor's. */
const env = { ...stack.env, DATABASE_URL: direct.href };
const root = await createConnection({ uri: server.adminUrl });
onClose(async () => root.destroy());
test.after.always((t) => t.log(table.render()));

test.serial('a black hole before MySQL is silence, and so is a server that is stopped', async (t) => {
  const proxy = await startTcpProxy({ port: server.port, onClose: t.teardown });
  const through = new URL(direct);
  through.port = String(proxy.port);
  await proxy.blackHole();
  await table.diagnose(
    t,
    'MySQL black-holed',
    { ...env, DATABASE_URL: through.href },
    {
      faults: ['database_silent'],
      remedy: /firewall and network/,
    },
  );
  server.kill('SIGSTOP');
  t.teardown(() => server.kill('SIGCONT'));
  await table.diagnose(t, 'MySQL stopped', env, { faults: ['database_silent'], remedy: /processlist/ });
});

test.serial('a database that only reads is a fault', async (t) => {
  await root.query('set global read_only = on');
  t.teardown(() => root.query('set global read_only = off'));
  await table.diagnose(t, 'MySQL read-only', env, { faults: ['database_read_only'], remedy: /read_only = off/ });
});

test.serial('a user who may not write is a fault', async (t) => {
  const reader = new URL(direct);
  [reader.username, reader.password] = ['reader', 'reads'];
  await root.query(`create user reader identified by 'reads'`);
  t.teardown(() => root.query('drop user reader'));
  await root.query(`grant select on \`${direct.pathname.slice(1)}\`.* to reader`);
  await table.diagnose(
    t,
    'MySQL user without the right to write',
    { ...env, DATABASE_URL: reader.href },
    {
      faults: ['database_refuses_writes'],
      remedy: /insert, update and delete/,
    },
  );
});

test.serial('a server without a connection left is a fault', async (t) => {
  const [[before]] = (await root.query('select @@global.max_connections as most')) as unknown as [[{ most: number }]];
  await root.query('set global max_connections = 10');
  t.teardown(() => root.query(`set global max_connections = ${before.most}`));
  const open: Connection[] = [];
  t.teardown(async () => void (await Promise.all(open.map((connection) => connection.end()))));
  const isFull = () =>
    createConnection({ uri: direct.href }).then(
      (connection) => {
        open.push(connection);
        return false;
      },
      ({ code }: { code?: string }) => code === 'ER_CON_COUNT_ERROR',
    );
  while (!(await isFull()));
  await table.diagnose(t, 'MySQL: too many connections', env, {
    faults: ['database_too_many_connections'],
    remedy: /max_connections/,
  });
});

test.serial('few connections left are a warning', async (t) => {
  const [[before]] = (await root.query('select @@global.max_connections as most')) as unknown as [[{ most: number }]];
  // Room for what web, worker and the doctor open meanwhile: the tenth that is left is 50.
  await root.query('set global max_connections = 300');
  t.teardown(() => root.query(`set global max_connections = ${before.most}`));
  const open: Connection[] = [];
  t.teardown(async () => void (await Promise.all(open.map((connection) => connection.end()))));
  const countUsed = async () => {
    const [[row]] = (await root.query("show global status like 'Threads_connected'")) as unknown as [
      [{ Value: string }],
    ];
    return Number(row.Value);
  };
  while ((await countUsed()) < 250) open.push(await createConnection({ uri: server.adminUrl }));
  await table.diagnose(t, 'MySQL: connections nearly used up', env, {
    warnings: ['database_many_connections'],
    remedy: /DATABASE_POOL/,
  });
});

test.serial('a schema that is behind is a fault', async (t) => {
  const [last] = await stack.database.query<{ name: string; hash: string }>(
    'select * from cWaferMigration order by name desc limit 1',
  );
  await stack.database.query('delete from cWaferMigration where name = ?', [last?.name]);
  t.teardown(() => stack.database.query('insert into cWaferMigration set ?', [last]));
  await table.diagnose(t, 'schema behind', env, { faults: ['schema_behind'], remedy: /^npm run migrate$/ });
});

test.serial('sessions in the future are those of a wrong time zone', async (t) => {
  await stack.database.query(
    `insert into cSessionInfo set uuid = 'zone', skey = 'zone', open_id = 'zone', session_key = '', user_info = '',
     create_time = utc_timestamp() + interval 9 hour, last_visit_time = utc_timestamp() + interval 9 hour`,
  );
  t.teardown(() => stack.database.query("delete from cSessionInfo where uuid = 'zone'"));
  await table.diagnose(t, 'time zone wrong', env, { faults: ['time_zone_wrong'], remedy: /date\.timezone/ });
});

test.serial('something that converts datetimes on their way is a fault', async (t) => {
  await stack.database.query(
    'create trigger shift before insert on cWaferKey for each row set new.created_at = new.created_at - interval 8 hour',
  );
  t.teardown(() => stack.database.query('drop trigger shift'));
  await table.diagnose(t, 'datetimes converted', env, {
    faults: ['time_zone_converted'],
    remedy: /converts datetimes/,
  });
});

test.serial('a clock of MySQL that is off is a fault', async (t) => {
  // For everybody but root.
  await root.query("set global init_connect = 'set timestamp = unix_timestamp() + 60'");
  t.teardown(() => root.query("set global init_connect = ''"));
  await table.diagnose(t, 'clock of MySQL off', env, { faults: ['clock_database'], remedy: /NTP/ });
});

test.serial('a password that MySQL refuses is a fault and is not shown', async (t) => {
  const wrong = new URL(direct);
  wrong.password = 'wr0ngpassword';
  const { findings } = await table.diagnose(
    t,
    'wrong MySQL password',
    { ...env, DATABASE_URL: wrong.href },
    {
      faults: ['access_denied'],
      remedy: /DATABASE_URL/,
    },
  );
  t.notRegex(JSON.stringify(findings), /wr0ngpassword/);
});

test.serial('a MySQL that is gone is a fault', async (t) => {
  server.kill('SIGKILL');
  await server.exited;
  await table.diagnose(t, 'MySQL away', env, { faults: ['database_down'], remedy: /Start MySQL/ });
});
