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
