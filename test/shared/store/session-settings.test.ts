import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createConnection } from 'mysql2/promise';
import { QueryTypes } from 'sequelize';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { openDatabase } from '../../../shared/store/database.ts';
import { runCli } from '../../apps/cli/run-cli.ts';
import { auth, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { startStack } from '../../support/stack.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { noteKeys } from '../../support/traces.ts';

/** Global settings that somebody may have in my.cnf, and what a session of ours must have all the same. */
const oddSettings: Readonly<Record<string, readonly [odd: string, ours: string | number]>> = {
  autocommit: ['0', 1],
  completion_type: ["'RELEASE'", 'NO_CHAIN'],
  sql_mode: [
    "'ANSI,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE'",
    'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
  ],
  old_mode: ["''", 'UTF8_IS_UTF8MB3'],
  time_zone: ["'-11:00'", '+08:00'],
  tx_isolation: ["'SERIALIZABLE'", 'REPEATABLE-READ'],
  tx_read_only: ['1', 0],
  // The names of MySQL, and of MariaDB from 11.1 on.
  transaction_isolation: ["'SERIALIZABLE'", 'REPEATABLE-READ'],
  transaction_read_only: ['1', 0],
  max_execution_time: ['1', 0],
  sql_safe_updates: ['1', 0],
  max_join_size: ['1', 1],
  sql_big_selects: ['0', 1],
  sql_select_limit: ['1', 18446744073709552000],
  group_concat_max_len: ['4', 1048576],
  sql_auto_is_null: ['1', 0],
  unique_checks: ['0', 1],
  foreign_key_checks: ['0', 1],
  check_constraint_checks: ['0', 1],
  sql_quote_show_create: ['0', 1],
  default_storage_engine: ['MyISAM', 'InnoDB'],
  alter_algorithm: ["'INSTANT'", 'DEFAULT'],
  max_statement_time: ['0.0001', 0],
  wait_timeout: ['1', 28800],
  idle_transaction_timeout: ['1', 0],
  net_read_timeout: ['1', 30],
  net_write_timeout: ['1', 60],
  innodb_lock_wait_timeout: ['1', 20],
  lock_wait_timeout: ['1', 86400],
  character_set_client: ['latin1', 'utf8mb4'],
  character_set_results: ['latin1', 'utf8mb4'],
  character_set_connection: ['latin1', 'utf8mb4'],
  collation_connection: ['latin1_german2_ci', 'utf8mb4_unicode_ci'],
  innodb_default_row_format: ["'compact'", 'compact'],
};
const sessionless = new Set(['innodb_default_row_format', 'max_join_size']);

const onClose = closeAfterAll(test);
await ensureServers(['mariadb']);
const folder = await createTemporaryFolder('odd-settings');
onClose(() => folder.remove());
// What a client says of its character set at the start is not heard.
const args = ['--loose-skip-character-set-client-handshake', '--character-set-server=latin1'];
const server = await startMariadb({ dir: join(folder.path, 'mariadb'), ephemeral: true, args });
onClose(() => server.stop());
process.env['TEST_DATABASE_URL'] = server.adminUrl;
const root = await createConnection({ uri: server.adminUrl });
onClose(async () => root.destroy());
const [known] = (await root.query('show global variables')) as unknown as [{ Variable_name: string }[]];
const onServer = new Set(known.map((variable) => variable.Variable_name));
/** Those that this server has. */
const names = Object.keys(oddSettings).filter((name) => onServer.has(name));
async function setGlobal(names: readonly string[]): Promise<() => Promise<void>> {
  const before = new Map<string, string>();
  for (const name of names) {
    const [[row]] = (await root.query(`select cast(@@global.${name} as char) as value`)) as unknown as [
      [{ value: string }],
    ];
    before.set(name, row.value);
    await root.query(`set global ${name} = ${oddSettings[name]?.[0]}`);
  }
  return async () => {
    for (const [name, value] of before)
      await root.query(`set global ${name} = ${/^[\d.]+$/.test(value) ? value : root.escape(value)}`);
  };
}

const keys = `1:${randomBytes(32).toString('base64')}`;
noteKeys(keys);

/** What an installation does in its life, from the empty database on, where these global settings are odd. */
async function live(t: ExecutionContext, odd: readonly string[]): Promise<void> {
  // The connections of the tests themselves are there already.
  const prepare = async () => t.teardown(await setGlobal(odd));
  const stack = await startStack({ onClose: t.teardown.bind(t), env: { WAFER_KEYS: keys }, prepare });
  const { returnData, returnCode } = await login(stack.urls[0], newUser());
  t.is(returnCode, 0);
  const other = await login(stack.urls[0], newUser());
  const rows = await stack.database.query('select uuid from cSessionInfo');
  t.is(rows.length, 2, 'others see what was written');
  // A later front end, when the cache is empty.
  await runCli(stack.env, ['cache', 'clear']);
  t.is((await auth(await stack.addWeb(), returnData)).returnCode, 0);
  const rotation = await runCli(stack.env, ['keys', 'rotate']);
  t.is(rotation.status, 0, rotation.stderr);
  const revocation = await runCli(stack.env, ['session', 'revoke', '--id', other.returnData.id]);
  t.is(revocation.status, 0, revocation.stderr);
  t.is((await auth(stack.urls[0], other.returnData)).returnCode, 60012);
  t.is((await auth(stack.urls[0], returnData)).returnCode, 0);
}

const alone = [
  'autocommit',
  'sql_safe_updates',
  'tx_read_only',
  'transaction_read_only',
  'sql_mode',
  'completion_type',
];
for (const name of alone.filter((each) => onServer.has(each))) {
  test.serial(`an installation lives on a server whose global ${name} is odd`, async (t) => {
    await live(t, [name]);
  });
}

test.serial('an installation lives on a server all of whose global settings are odd', async (t) => {
  await live(t, names);
});

test.serial('a session of ours has all that statements rely on, whatever is global', async (t) => {
  t.teardown(await setGlobal(names));
  const sequelize = openDatabase(parseDatabaseUrl(`${server.adminUrl}/mysql`), { poolSize: 1 });
  t.teardown(() => sequelize.close());
  const checked = names.filter((name) => !sessionless.has(name));
  const [found] = await sequelize.query<Record<string, unknown>>(
    `select ${checked.map((name) => `@@session.${name} as ${name}`).join(', ')}`,
    { type: QueryTypes.SELECT },
  );
  const numbers = Object.fromEntries(
    Object.entries(found ?? {}).map(([name, value]) => [
      name,
      Number.isNaN(Number(value)) || value === '' ? value : Number(value),
    ]),
  );
  t.deepEqual(numbers, Object.fromEntries(checked.map((name) => [name, oddSettings[name]?.[1]])));
});
