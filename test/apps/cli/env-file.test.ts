import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readEnvFile } from '../../../apps/cli/env-file.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { programArgs } from '../../support/built.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

interface Run {
  readonly status: number;
  readonly output: string;
}

function run(folder: string, program: 'cli/migrate' | 'cli/main', args: readonly string[], env = {}): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, [...programArgs(program), ...args], options, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

/** A folder with a `.env` for stores of its own. */
async function prepare(t: ExecutionContext, lineEnd: string): Promise<{ folder: string; database: TestDatabase }> {
  const folder = await createTemporaryFolder('env-file');
  t.teardown(() => folder.remove());
  const database = await createTestDatabase({ onClose: t.teardown });
  const redis = await startTestRedis({ onClose: t.teardown });
  const lines = ['# stores', `DATABASE_URL=${database.url}`, `REDIS_URL="${redis.url}"`, 'REDIS_CACHE_URL=', ''];
  writeFileSync(join(folder.path, '.env'), lines.join(lineEnd));
  return { folder: folder.path, database };
}

for (const [lines, lineEnd] of [
  ['as everywhere', '\n'],
  ['as Windows ends lines', '\r\n'],
] as const) {
  test(`migrate and wafer take from .env what the environment lacks, ${lines}`, async (t) => {
    const { folder, database } = await prepare(t, lineEnd);
    // Of an `npm start` in this folder: .env counts first.
    mkdirSync(join(folder, '.data'));
    writeFileSync(join(folder, '.data', 'environment.json'), '{"DATABASE_URL":"mysql://u:p@127.0.0.1:1/other"}');
    const migrated = await run(folder, 'cli/migrate', []);
    t.is(migrated.status, 0, migrated.output);
    t.is((await database.query('select 1 from cWaferMigration limit 1')).length, 1);
    const listed = await run(folder, 'cli/main', ['app', 'list']);
    t.is(listed.status, 0, listed.output);
    const shown = await run(folder, 'cli/main', ['queue', 'show']);
    t.is(shown.status, 0, shown.output);
  });
}

test('what is set in the environment counts before .env, also if it is set to nothing', async (t) => {
  const { folder } = await prepare(t, '\n');
  const elsewhere = await run(folder, 'cli/migrate', [], { DATABASE_URL: 'mysql://u:p@127.0.0.1:1/elsewhere' });
  t.regex(elsewhere.output, /127\.0\.0\.1:1\/elsewhere/);
  const nothing = await run(folder, 'cli/migrate', [], { DATABASE_URL: '' });
  t.regex(nothing.output, /DATABASE_URL is not set, neither in the environment nor in \.env/);
  t.deepEqual(Object.keys(readEnvFile(folder, { DATABASE_URL: '' })).toSorted(), ['REDIS_CACHE_URL', 'REDIS_URL']);
});

test('values that a shell read from lines of Windows are understood', (t) => {
  const config = readConfig({
    DATABASE_URL: 'mysql://u:p@db/cAuth\r',
    REDIS_URL: 'redis://:p@cache:6379/0\r',
    REDIS_CACHE_URL: '\r',
    PORT: '8081\r',
    LOG_LEVEL: 'debug\r',
    REQUIRE_CALLER_KEY: 'true\r',
    ALLOWED_CLIENTS: '10.0.0.0/8\r',
    WAFER_KEYS: '\r',
    WECHAT_API_BASE: 'https://wechat.example/\r',
  });
  t.is(config.database.primary.database, 'cAuth');
  t.like(config.redis.cache, { nodes: [{ host: 'cache', port: 6379 }], password: 'p', db: 0 });
  t.is(config.http.port, 8081);
  t.is(config.wechat.apiBase, 'https://wechat.example');
  t.is(config.keys.writes, undefined);
});
