import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { startRedis } from '../../../apps/local/servers/redis.ts';
import { auth, call, newUser } from '../../support/client.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { findServer, loadOriginal, reserveDatabase } from '../../shared/store/migration-database.ts';
import { closeAfterAll } from '../../support/closing.ts';
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

test.serial('a folder from before is closed to other users, and its Redis keeps its data', async (t) => {
  // As the version before this one left it.
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o755 });
  for (const name of ['logs/web.log', 'login.json']) writeFileSync(join(dataDir, name), 'old\n', { mode: 0o644 });
  const open = await startRedis({ dir: join(dataDir, 'redis') });
  const before = new Redis(open.url);
  await before.set('kept', 'yes');
  before.disconnect();
  await open.stop();
  chmodSync(join(dataDir, 'redis'), 0o755);
  chmodSync(dataDir, 0o755);
  t.true(listOpen(dataDir).length >= 4);

  const start = runNpmStart(checkout, onClose);
  await start.says('Ctrl-C stops everything');
  t.is(statSync(dataDir).mode & 0o777, 0o700);
  t.deepEqual(listOpen(dataDir), []);
  t.is(readFileSync(join(dataDir, 'login.json'), 'utf8'), 'old\n');
  const redis = new Redis(readStores().REDIS_URL);
  t.is(await redis.get('kept'), 'yes');
  redis.disconnect();
  t.is(await start.stop(), 0);
});

test.serial('other users of the machine reach neither store without its password', async (t) => {
  const start = runNpmStart(checkout, onClose);
  const said = await start.says('Ctrl-C stops everything');
  const stores = readStores();
  const { password, port } = new URL(stores.REDIS_URL);
  t.regex(password, /^[0-9a-f]{36}$/);
  const stranger = new Redis({ host: '127.0.0.1', port: Number(port), lazyConnect: true, retryStrategy: () => null });
  stranger.on('error', () => undefined);
  await t.throwsAsync(stranger.set('forged', 'session'), { message: /NOAUTH/ });
  stranger.disconnect();
  const passwords = [password, new URL(stores.DATABASE_URL).password];
  const lines = commandLines();
  t.regex(lines, /redis-server|valkey-server/);
  for (const each of passwords) t.false(lines.includes(each) || said.includes(each));
  await start.stop();
});

test.serial('sessions survive a restart, with the passwords that they had', async (t) => {
  const first = runNpmStart(checkout, onClose);
  const url = addressOf(await first.says('Ctrl-C stops everything'));
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: newUser() });
  const before = readStores();
  await first.stop();
  const second = runNpmStart(checkout, onClose);
  const again = addressOf(await second.says('Ctrl-C stops everything'));
  t.is((await auth(again, session)).returnCode, 0);
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
  await told.stop();
  // It has its demo app there now.
  const again = runNpmStart(checkout, onClose, env);
  await again.says('Ctrl-C stops everything');
  t.is(await again.stop(), 0);
});

test.serial('an empty database of DATABASE_URL, and one that is not there yet, are used', async (t) => {
  const database = await reserveDatabase(t, server);
  const start = runNpmStart(checkout, onClose, { DATABASE_URL: database.url });
  await start.says('Ctrl-C stops everything');
  t.is(await start.stop(), 0);
});
