import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createConnection, type Connection } from 'mysql2/promise';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { rootDir } from '../../support/built.ts';
import { runDoctor } from '../../support/doctor.ts';
import { findMysql } from '../../support/mysql-server.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { readBytes, readSchema } from './migration-database.ts';

const read = (file: string) => readFileSync(join(rootDir, file), 'utf8');
/** The code blocks of "Backup and restore", as they stand there. */
const [, backup = '', restore = ''] =
  /## Backup and restore\n.*?```sh\n(.*?)```.*?```sh\n(.*?)```/s.exec(read('docs/operations.md')) ?? [];
const administrator = '# as an administrator of MySQL';

/** The rights that adopting.md asks for, in its words. */
const rights = /The user needs ([a-z, ]+? and [a-z]+) on the database/
  .exec(read('docs/adopting.md'))?.[1]
  ?.replace(' and ', ', ');

for (const server of ['MariaDB', 'MySQL'] as const) {
  const found = server === 'MySQL' ? findMysql() : { start: startOwnMariadb };
  const run = found === undefined ? test.serial.skip : test.serial;
  run(`${server}: backup and restore work as documented, for the user that is documented`, async (t) => {
    const { adminUrl, close } = await found!.start();
    t.teardown(close);
    const folder = await createTemporaryFolder('backup');
    t.teardown(() => folder.remove());
    const { hostname, port, username, password } = new URL(adminUrl);
    const root = await createConnection({ uri: adminUrl, multipleStatements: true });
    t.teardown(() => root.end());
    await root.query(`drop database if exists cAuth; drop user if exists 'keeper'@'%';
      create user 'keeper'@'%' identified by 'pw'; grant ${rights} on cAuth.* to 'keeper'@'%'`);
    t.teardown(() => root.query("drop database if exists cAuth; drop user if exists 'keeper'@'%'"));
    const url = `mysql://keeper:pw@${hostname}:${port}/cAuth`;

    const optionsOf = (user: string, secret: string) => {
      const file = join(folder.path, `${user}.cnf`);
      const lines = [
        '[client]',
        `host=${hostname}`,
        `port=${port}`,
        `user=${user}`,
        `password=${secret}`,
        'protocol=tcp',
        '',
      ];
      writeFileSync(file, lines.join('\n'), { mode: 0o600 });
      return file;
    };
    const files = { user: optionsOf('keeper', 'pw'), administrator: optionsOf(username, decodeURIComponent(password)) };
    /** As somebody types it whose ~/.my.cnf names the server, the user and the password. */
    const type = async (line: string) => {
      const file = line.includes(administrator) ? files.administrator : files.user;
      writeFileSync(join(folder.path, '.my.cnf'), readFileSync(file), { mode: 0o600 });
      const { status, errors } = await shell(line, folder.path, { DATABASE_URL: url });
      t.is(status, 0, `${line}\n${errors}`);
    };

    await migrate({ databaseUrl: url });
    const connection = await createConnection({ uri: url, dateStrings: true, multipleStatements: true });
    t.teardown(() => connection.end());
    await connection.query(`set session sql_mode = '';
      insert into cAppinfo (appid, secret) values ('wx1', 'secret');
      insert into cSessionInfo (uuid, skey, open_id, session_key, create_time, last_visit_time, user_info, user_key, slot) values
        ('u1', 's1', 'o1', 'k1', '2026-11-22 20:00:00', '2026-11-22 20:00:00', 'e30=', unhex('000a0d1a22275c80ff'), 0),
        ('u2', 's2', 'o2', 'k2', '0000-00-00', '0000-00-00', '小😀', null, null);
      insert into cWaferKey (name, value) values ('seal', unhex('00ff0a0d1a22275c'))`);
    const before = await readAll(connection);

    for (const line of linesOf(backup)) await type(line);
    // Since then: a session is ended, another one begins.
    await connection.query(
      "delete from cSessionInfo where uuid = 'u1'; insert into cWaferKey (name, value) values ('new', 'x')",
    );
    t.notDeepEqual(await readAll(connection), before);

    for (const line of linesOf(restore).filter((text) => text.startsWith('mysql'))) await type(line);
    await connection.changeUser({ database: 'cAuth' });
    t.deepEqual(await readAll(connection), before);
    t.deepEqual((await migrate({ databaseUrl: url })).applied, []);
    const { findings } = await runDoctor({ DATABASE_URL: url });
    const faults = findings.filter(({ check, state }) => check.startsWith('database') && state === 'fault');
    t.deepEqual(faults, []);
  });
}

test('every page with a backup has the same line', (t) => {
  const [line] = linesOf(backup);
  for (const file of ['docs/adopting.md', 'docs/adopting.zh-CN.md', 'docs/operations.zh-CN.md'])
    t.true(read(file).includes(line ?? 'nothing'), file);
  t.true(linesOf(restore).some((text) => text.startsWith('npm run migrate')));
});

async function startOwnMariadb() {
  await ensureServers(['mariadb']);
  const folder = await createTemporaryFolder('backup-server');
  const server = await startMariadb({ dir: join(folder.path, 'mariadb'), ephemeral: true });
  return { adminUrl: server.adminUrl, close: () => server.stop().then(folder.remove) };
}

function linesOf(block: string): string[] {
  return block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function shell(line: string, folder: string, env: Record<string, string>): Promise<{ status: number; errors: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, ...env } };
    execFile('/bin/sh', ['-c', line], options, (error, _stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), errors: stderr }),
    );
  });
}

async function readAll(connection: Connection): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const table of ['cAppinfo', 'cSessionInfo', 'cWaferKey', 'cWaferMigration'])
    rows[table] = await readBytes(connection, table);
  return { rows, schema: await readSchema(connection) };
}
