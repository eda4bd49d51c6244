import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { startRedis } from '../../../apps/local/servers/redis.ts';
import { auth, call, newUser } from '../../support/client.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { findServer, loadOriginal, reserveDatabase } from '../../shared/store/migration-database.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders } from '../../support/console.ts';
import { noteSecret } from '../../support/traces.ts';
import { createCheckout, runNpmStart } from '../../support/npm-start.ts';

const onClose = closeAfterAll(test);
const server = await findServer();
onClose(server.stop);
// In one folder after the other: each start takes seconds of both cores.
const checkout = await createCheckout(onClose, 'with a space, 中文');
const dataDir = join(checkout, '.data');
interface Stores {
  readonly DATABASE_URL: string;
  readonly REDIS_URL: string;
}
const readStores = () => JSON.parse(readFileSync(join(dataDir, 'environment.json'), 'utf8')) as Stores;
const addressOf = (said: string) => /ready: {2}(http:\/\/[^/]+)\/mina_auth/.exec(said)?.[1] as string;

/** Everything below the folder that somebody else could use. Sockets have no rights of their own where the folder has none. */
function listOpen(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const stats = statSync(join(dir, name), { throwIfNoEntry: false });
    return stats !== undefined && !stats.isSocket() && (stats.mode & 0o077) !== 0;
  });
}

function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .join('\n');
}

let said = '';
let first: ReturnType<typeof runNpmStart>;
let before: Stores;

test.serial('a folder from before is closed to other users, and its Redis keeps its data', async (t) => {
  // As the version before this one left it.
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o755 });
  for (const name of ['logs/web.log', 'login.json']) writeFileSync(join(dataDir, name), 'old\n', { mode: 0o644 });
  const open = await startRedis({ dir: join(dataDir, 'redis') });
  const redisBefore = new Redis(open.url);
  await redisBefore.set('kept', 'yes');
  redisBefore.disconnect();
  await open.stop();
  chmodSync(join(dataDir, 'redis'), 0o755);
  chmodSync(dataDir, 0o755);
  t.true(listOpen(dataDir).length >= 4);

  first = runNpmStart(checkout, onClose);
  said = await first.says('Ctrl-C stops everything');
  before = readStores();
  t.is(statSync(dataDir).mode & 0o777, 0o700);
  t.deepEqual(listOpen(dataDir), []);
  t.is(readFileSync(join(dataDir, 'login.json'), 'utf8'), 'old\n');
  const redis = new Redis(before.REDIS_URL);
  t.is(await redis.get('kept'), 'yes');
  redis.disconnect();
});

test.serial('other users of the machine reach neither store without its password', async (t) => {
  const { password, port } = new URL(before.REDIS_URL);
  t.regex(password, /^[0-9a-f]{36}$/);
  const stranger = new Redis({ host: '127.0.0.1', port: Number(port), lazyConnect: true, retryStrategy: () => null });
  stranger.on('error', () => undefined);
  await t.throwsAsync(stranger.set('forged', 'session'), { message: /NOAUTH/ });
  stranger.disconnect();
  const passwords = [password, new URL(before.DATABASE_URL).password];
  const lines = commandLines();
  t.regex(lines, /redis-server|valkey-server/);
  for (const each of passwords) t.false(lines.includes(each) || said.includes(each));
});

test.serial('sessions and the console’s admin survive a restart, with their passwords', async (t) => {
  const url = addressOf(said);
  const [, consoleUrl = '', token = ''] = /^(http:\S+)\/set-password#token=(\S+)$/m.exec(said) ?? [];
  const password = randomBytes(18).toString('base64');
  noteSecret('link to set a password', token);
  noteSecret('operator’s password', password);
  const send = (address: string, path: string, body: object) =>
    fetch(`${address}/api/v1${path}`, {
      method: 'POST',
      headers: { ...pageHeaders(address), 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  t.is((await send(consoleUrl, '/password', { token, password })).status, 204);
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: newUser() });
  t.is(await first.stop(), 0);
  const second = runNpmStart(checkout, onClose);
  const again = addressOf(await second.says('Ctrl-C stops everything'));
  t.is((await auth(again, session)).returnCode, 0);
  t.regex(second.said(), /Open the console: sign in as admin\./);
  t.notRegex(second.said(), /#token=/);
  const [, consoleAgain = ''] = /^Console {4}(http:\S+)\/$/m.exec(second.said()) ?? [];
  t.is((await send(consoleAgain, '/sign-in', { name: 'admin', password })).status, 204);
  const now = readStores();
  for (const name of ['REDIS_URL', 'DATABASE_URL'] as const)
    t.is(new URL(now[name]).password, new URL(before[name]).password);
  await second.stop();
});

const refused = /is not one that npm start made.*Nothing was changed.*START_ADOPTS_DATABASE=true/s;

test.serial('npm start changes a database that others made only if told to', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const tables = async () => (await connection.query('show tables'))[0];
  const before = await tables();
  const env = { DATABASE_URL: database.url };
  const start = runNpmStart(checkout, onClose, env);
  await t.throwsAsync(start.says('Ctrl-C stops everything'), { message: refused });
  t.regex(start.said(), /Using the database of DATABASE_URL: mysql:\/\/127\.0\.0\.1/);
  t.false(start.said().includes(new URL(database.url).password));
  t.deepEqual(await tables(), before);

  await migrate({ databaseUrl: database.url });
  await connection.query('delete from cAppinfo');
  const second = runNpmStart(checkout, onClose, env);
  await t.throwsAsync(second.says('Ctrl-C stops everything'), { message: refused });
  t.regex(second.said(), /no app is configured there/);
  t.deepEqual(await connection.query('select * from cAppinfo').then(([rows]) => rows), []);

  const told = runNpmStart(checkout, onClose, { ...env, START_ADOPTS_DATABASE: 'true' });
  await told.says('Ctrl-C stops everything');
  t.is(await told.stop(), 0);
});

test.serial('a database of DATABASE_URL that is not there yet is made, and used again', async (t) => {
  const database = await reserveDatabase(t, server);
  // The second time it has the demo app of the first.
  for (let time = 1; time <= 2; time++) {
    const start = runNpmStart(checkout, onClose, { DATABASE_URL: database.url });
    await start.says('Ctrl-C stops everything');
    t.is(await start.stop(), 0);
  }
});
