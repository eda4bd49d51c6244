import test, { type ExecutionContext } from 'ava';
import { createConnection } from 'mysql2/promise';
import { apiRoutes } from '../../apps/console/api/index.ts';
import { openIdOf, unionIdOf } from '../../apps/wechat-simulator/users.ts';
import { runCli, runCliProcess } from '../apps/cli/run-cli.ts';
import { auth, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { heapSnapshotFlags, takeHeapSnapshot } from '../support/heap-snapshot.ts';
import { openRedis } from '../support/open-redis.ts';
import { createPerson, findMarks, readOwn, readSeal, searchStores, type Person } from '../support/person.ts';
import { readAllOfRedis } from '../support/redis-dump.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { startTestConsole } from '../support/console.ts';
import { startStack, testAppid, untilReady } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
// The programs are processes of their own: this one remembers everything.
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const { database, env } = stack;
await database.query("update cAppinfo set session_policy = 'multi', max_sessions = 3, grace_seconds = 3600");
const redis = openRedis(stack.redis?.url);
onClose(async () => redis.disconnect());

interface Running extends TestProcess {
  readonly folder: string;
}

async function start(role: 'web' | 'worker'): Promise<Running> {
  const folder = await createTemporaryFolder('heap');
  onClose(folder.remove);
  const program = startProcess(role, env, onClose, heapSnapshotFlags(folder.path));
  await program.logged(role === 'web' ? 'web listens' : 'worker takes jobs');
  return { ...program, folder: folder.path };
}

const urlOf = ({ log }: Running): string => {
  const { port } = JSON.parse(log.find((line) => line.includes('web listens')) ?? '{}') as { port?: number };
  return `http://127.0.0.1:${port}`;
};

const [worker, web, otherWeb] = [await start('worker'), await start('web'), await start('web')];
const urls = [urlOf(web), urlOf(otherWeb)] as const;
await Promise.all(urls.map((url) => untilReady(url)));

const everything = ['openid', 'unionid', 'skey', 'session_key', 'profile'];

async function searchEverything(person: Person) {
  return {
    ...(await searchStores(person, database, redis)),
    worker: findMarks(await takeHeapSnapshot(worker, worker.folder), person),
    web: findMarks(await takeHeapSnapshot(web, web.folder), person),
    otherWeb: findMarks(await takeHeapSnapshot(otherWeb, otherWeb.folder), person),
  };
}

/** While wrong skeys come in, front ends keep what they have read to refuse them by. */
function keepAsking({ sessions: [{ id }] }: Person): { stop(): Promise<void> } {
  let isStopped = false;
  const ask = async (url: string) => {
    for (let tries = 0; !isStopped; tries++) await auth(url, { id, skey: `wrong ${tries}` });
  };
  const asking = Promise.all(urls.map(ask));
  return {
    async stop() {
      isStopped = true;
      await asking;
    },
  };
}

/** On a busy machine MySQL may answer late. */
async function refused(t: ExecutionContext, url: string, session: { id: string; skey: string }): Promise<void> {
  await until('the session is refused', async () => {
    const { returnCode } = await auth(url, session);
    t.not(returnCode, 0);
    return returnCode === 60012;
  });
}

test.serial('after an erasure neither a store nor a process has anything of the user', async (t) => {
  const person = await createPerson(urls, database);
  const revoked = await runCliProcess(env, ['session', 'revoke', '--id', person.sessions[2]?.id ?? '']);
  t.is(revoked.status, 0, revoked.stderr);
  const asking = keepAsking(person);
  const before = await searchEverything(person);
  await asking.stop();
  t.deepEqual(before.mysql, everything);
  t.deepEqual(before.redis, everything);
  t.deepEqual(before.worker, ['openid', 'unionid', 'profile']);
  t.true(before.web.includes('openid') && before.web.includes('profile'), before.web.join());
  t.true(before.otherWeb.includes('openid') && before.otherWeb.includes('profile'), before.otherWeb.join());
  // What is remembered of codes lasts seconds: as late as can be, and looked at again as soon as can be.
  const other = await createPerson(urls, database);
  const own = await readOwn(other, database, redis);
  t.true(own.length > 6, String(own.length));
  const run = await runCliProcess(env, ['user', 'erase', '--open-id', person.openId, '--json']);
  t.is(run.status, 0, run.stderr);
  t.like(run.json, { sessions: 3, dropped: 1, audit: 1, silent: [], redis: { codes: 3, phoneNumbers: 1 } });
  t.is(run.json.obeyed.length, 3);
  t.deepEqual(await readOwn(other, database, redis), own, 'another user has what was there before');
  t.deepEqual(await searchEverything(person), { mysql: [], redis: [], worker: [], web: [], otherWeb: [] });
  const ids = person.sessions.map(({ id }) => id);
  t.deepEqual(await database.query('select id from cSessionInfo where uuid in (?)', [ids]), []);
  for (const url of urls) for (const session of person.sessions) await refused(t, url, session);

  for (const url of urls) t.is((await auth(url, other.sessions[0])).returnMessage, 'AUTH_SUCCESS');
  const [journal] = await database.query<{ todo: number }>('select count(todo) as todo from cWaferErasure');
  t.is(journal?.todo, 0);
});

test.serial('a process that does not forget is named by exit status 1; a worker goes on', async (t) => {
  const person = await createPerson(urls, database);
  web.kill('SIGSTOP');
  const run = await runCliProcess(env, ['user', 'erase', '--union-id', person.unionId, '--json']);
  web.kill('SIGCONT');
  t.is(run.status, 1);
  t.is(run.json.silent.length, 1);
  t.regex(run.json.silent[0], new RegExp(`^web-.*-${web.pid}-`));
  t.is(run.json.sessions, 3);
  const pending = async () =>
    (await database.query<{ todo: number }>('select count(todo) as todo from cWaferErasure'))[0]?.todo;
  t.is(await pending(), 1);
  await until('the worker has finished it', async () => (await pending()) === 0, 60_000);
  t.deepEqual(await searchEverything(person), { mysql: [], redis: [], worker: [], web: [], otherWeb: [] });
});

test.serial('what a worker remembers of an order, for log-ins on their way, names nobody', async (t) => {
  const person = await createPerson(urls, database);
  const added = await runCli(env, ['caller', 'add', 'forgets', '--may', 'forget', '--json']);
  const sent = await fetch(`${urls[0]}/k/${added.json.key}/mina_auth/`, {
    method: 'POST',
    body: JSON.stringify({
      version: 1,
      componentName: 'MA',
      interface: { interfaceName: 'qcloud.cam.forget', para: person.sessions[0] },
    }),
  });
  t.like(await sent.json(), { returnMessage: 'FORGET_SUCCESS' });
  await until('the worker has finished it', async () => {
    const [journal] = await database.query<{ todo: number }>('select count(todo) as todo from cWaferErasure');
    return journal?.todo === 0;
  });
  const dump = await readAllOfRedis(redis, await readSeal(database));
  const remembered = [...dump].filter(([key]) => key.startsWith('wafer:erased:')).map(([, text]) => text);
  t.is(remembered.length, 1);
  t.regex(remembered[0] ?? '', /"action":"qcloud.cam.forget"/, 'the search opens it');
  t.deepEqual(await searchStores(person, database, redis), { mysql: [], redis: [] });
});

/** All of a request's texts that name somebody, each alone, of whichever route. */
function* requestsAbout(
  person: { readonly openId: string; readonly unionId: string; readonly ids: readonly string[] },
  row: number,
): Generator<readonly [string, string, object?]> {
  const { ids } = person;
  const names = [person.openId, person.unionId, ...ids, `open_id ${person.openId}`, `id ${ids[0]}`];
  const bodies = { openId: person.openId, unionId: person.unionId };
  for (const { method, path, params, query, body, stream } of apiRoutes) {
    if (stream === 'text/event-stream') continue;
    const isOfRow = params?.shape['row'] !== undefined;
    if (params !== undefined && !isOfRow) continue;
    const at = path.replace(':row', String(row));
    if (method === 'GET') {
      if (isOfRow) yield [method, at];
      for (const field of Object.keys(query?.shape ?? {}))
        for (const name of names) yield [method, `${at}?${field}=${encodeURIComponent(name)}`];
    } else {
      // What an erasure would leave is looked at after the one below.
      const dryRun = path === '/users/erase' ? { dryRun: true } : {};
      if (isOfRow) yield [method, at, dryRun];
      for (const [field, name] of Object.entries(bodies))
        if (body?.shape[field] !== undefined) yield [method, at, { [field]: name, ...dryRun }];
    }
  }
}

const readAuditText = async () => JSON.stringify(await database.query('select * from cWaferAudit'));

test.serial('no route and no command leaves an erased person’s name in the audit log', async (t) => {
  const site = await startTestConsole({ onClose, stack });
  const admin = await site.token('admin');
  // Without a phone number, which an export shows.
  const name = `unionid-${newUser()}`;
  const ids: string[] = [];
  for (const count of [0, 1, 2]) ids.push((await login(urls[0], `${name}~${count}`)).returnData.id as string);
  const person = { openId: openIdOf(testAppid, name), unionId: unionIdOf(name), ids };
  const names = [person.openId, person.unionId, ...ids];
  const [stored] = await database.query<{ id: number }>('select id from cSessionInfo where uuid = ?', [ids[0]]);
  const asked = new Map<string, number>();
  for (const [method, path, body] of requestsAbout(person, stored?.id ?? 0)) {
    const { status, text } = await site.api(method, path, { as: admin, ...(body === undefined ? {} : { body }) });
    t.true(status < 500, text);
    const route = `${method} ${path.replace(/\?.*/, '').replace(String(stored?.id), ':row')}`;
    if (status < 300) asked.set(route, (asked.get(route) ?? 0) + 1);
  }
  for (const route of [
    'GET /sessions',
    'GET /sessions/:row',
    'POST /sessions/:row/revoke',
    'GET /users/export',
    'POST /users/revoke',
    'POST /users/erase',
    'GET /audit',
    'GET /audit/export',
  ])
    t.true(asked.has(route), route);
  const ways = [
    ['--open-id', person.openId],
    ['--union-id', person.unionId],
    ['--id', ids[1] ?? ''],
  ] as const;
  let commands = 0;
  for (const command of [
    ['session', 'list'],
    ['session', 'show'],
    ['session', 'revoke'],
    ['user', 'export'],
  ])
    for (const way of ways) if ((await runCli(env, [...command, ...way, '--json'])).status === 0) commands++;
  t.true(commands >= 8, String(commands));
  const before = await readAuditText();
  t.true(before.includes(person.openId) && before.includes(person.unionId) && before.includes(ids[0] ?? '-'));
  const erased = await site.api('POST', '/users/erase', { as: admin, body: { openId: person.openId } });
  t.is(erased.status, 200, erased.text);
  await site.api('GET', `/users/export?openId=${person.openId}`, { as: admin });
  await runCli(env, ['user', 'erase', '--open-id', person.openId]);
  const after = await readAuditText();
  t.deepEqual(
    names.filter((name) => after.toLowerCase().includes(name.toLowerCase())),
    [],
  );
});

test.serial('a revocation that an erasure is quicker than names nobody in the audit log', async (t) => {
  const person = await createPerson(urls, database);
  const [session] = person.sessions;
  const erasing = await createConnection({ uri: database.adminUrl, database: database.name });
  t.teardown(() => erasing.destroy());
  await erasing.query('begin');
  await erasing.query('delete from cSessionInfo where open_id = ?', [person.openId]);
  // It has found them, and is about to change them.
  const isOver = new Promise((resolve) => {
    const stop = database.watchStatements((text) => {
      if (!/^start transaction/i.test(text)) return;
      stop();
      resolve(erasing.query('commit'));
    });
  });
  const revoking = runCli(env, ['session', 'revoke', '--id', session.id, '--json']);
  await isOver;
  t.is((await revoking).json.error.code, 'session_unknown');
  t.false((await readAuditText()).includes(session.id));
});
