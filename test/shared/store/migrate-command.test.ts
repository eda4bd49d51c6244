import { spawnSync } from 'node:child_process';
import test from 'ava';
import { programArgs } from '../../support/built.ts';
import { findServer, loadOriginal, reserveDatabase } from './migration-database.ts';

const server = await findServer();
const program = programArgs('cli/migrate');
test.after.always(() => server.stop());

function run(databaseUrl: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [...program, ...args], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    encoding: 'utf8',
  });
}

test('the report is text, or JSON alone on standard output', async (t) => {
  const database = await reserveDatabase(t, server);
  await loadOriginal(database);
  const first = run(database.url);
  t.is(first.status, 0);
  t.regex(first.stdout, /4 rows were dropped from cSessionInfo/);
  t.regex(first.stderr, /migration 0003-session-columns/);
  const second = run(database.url, '--json');
  t.is(second.status, 0);
  t.deepEqual(JSON.parse(second.stdout), { database: database.name, created: false, applied: [], dropped: [] });
});

test('a missing DATABASE_URL is named', (t) => {
  const { status, stderr } = run('');
  t.is(status, 1);
  t.regex(stderr, /DATABASE_URL is not set/);
});

test('an invalid DATABASE_URL is named and not repeated', (t) => {
  const { status, stderr } = run('postgres://user:pa55word@host/x');
  t.is(status, 1);
  t.regex(stderr, /DATABASE_URL must look like mysql:\/\//);
  t.notRegex(stderr, /pa55word/);
});

test('a database that does not answer is named without the password', (t) => {
  const { status, stdout, stderr } = run('mysql://user:pa55word@127.0.0.1:1/x', '--json');
  t.is(status, 1);
  t.regex(stderr, /No answer from the database at 127\.0\.0\.1:1\/x/);
  t.is((JSON.parse(stdout) as { error: { code: string } }).error.code, 'database_unreachable');
  t.notRegex(stdout + stderr, /pa55word/);
});

test('a wrong password is told apart from a missing server', (t) => {
  const url = new URL(server.adminUrl);
  url.password = 'wrong';
  const { status, stderr } = run(`${url.href.replace(/\/$/, '')}/x`);
  t.is(status, 1);
  t.regex(stderr, /refuses the user root or the password \(1045\)/);
});

test('--status and --dry-run say what is to be done, and change nothing', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const tables = async () => (await connection.query('show create table cSessionInfo'))[0];
  const before = await tables();
  const status = run(database.url, '--status', '--json');
  t.is(status.status, 1, status.stderr);
  t.like(JSON.parse(status.stdout), { exists: true, applied: [], statements: [] });
  const dry = run(database.url, '--dry-run', '--json');
  const { pending, statements } = JSON.parse(dry.stdout) as {
    pending: string[];
    statements: { migration: string; sql: string; lock: string; seconds: number | null }[];
  };
  t.is(pending[0], '0001-original-tables');
  const ofSessions = statements.filter(({ migration }) => migration === '0003-session-columns');
  t.is(ofSessions.length, 3);
  t.regex(ofSessions[1]?.lock ?? '', /changes no row/);
  t.regex(ofSessions[2]?.lock ?? '', /others read and write meanwhile/);
  const ofKeys = statements.find(({ sql }) => sql.includes('add key'));
  t.is(typeof ofKeys?.seconds, 'number');
  t.regex(run(database.url, '--dry-run').stdout, /Nothing has been changed/);
  t.deepEqual(await tables(), before);
  t.is(run(database.url).status, 0);
  const after = run(database.url, '--status');
  t.is(after.status, 0);
  t.regex(after.stdout, /the schema is current/);
});
