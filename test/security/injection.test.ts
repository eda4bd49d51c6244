import test, { type ExecutionContext } from 'ava';
import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { toAsciiJson, toAsciiString } from '../../shared/protocol/ascii-json.ts';
import { parsePhpJson } from '../../shared/protocol/php-json.ts';
import { decodeUserInfo } from '../../shared/session/user-info.ts';
import { readWechatEvent } from '../../apps/web/routes/read-wechat-event.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readEnvelope } from '../support/envelope-check.ts';
import { createPoster } from '../support/post.ts';
import { startProcess } from '../support/processes.ts';
import { startTestRedis } from '../support/redis-server.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { openBothWays } from '../support/ways.ts';
import { sqlTexts, valuesOfOtherTypes } from './injection-corpus.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
// With the key of a caller who may call everything.
const { json } = await runCli(stack.env, ['caller', 'add', 'all', '--may', 'default,forget', '--json']);
const urls = (await openBothWays(stack)).map((way) => `${way.url}/k/${json.key}`);
const poster = createPoster();
onClose(async () => poster.close());
const { returnData: bystander } = await login(url, newUser());
const { returnData: victim } = await login(url, newUser());
/** Everything that must not change, but for the times of visits. */
const snapshot = async () =>
  JSON.stringify([
    await stack.database.query('select * from cAppinfo'),
    await stack.database.query(
      'select id, uuid, skey, open_id, session_key, user_info, create_time, slot from cSessionInfo where uuid in (?) order by id',
      [[bystander.id, victim.id]],
    ),
    await stack.database.query('select count(*) from cSessionInfo'),
    await stack.database.query('show tables'),
  ]);

const send = async (body: string, base = url) => readEnvelope(await poster.post(`${base}/mina_auth/`, body));

/** Each interface, each of its parameters in turn replaced, the others in order. */
function requestsWith(value: unknown): string[] {
  return [...interfaceSchemas].flatMap(([interfaceName, { para, example }]) => {
    // A code that nobody refuses logs somebody in, rightly.
    const names = Object.keys(para.shape).filter((name) => interfaceName !== 'qcloud.cam.id_skey' || name !== 'code');
    return [...names, 'appid', 'uuid[]'].map((name) => {
      const all = { ...example, ...('id' in example ? victim : {}), code: 'bad', [name]: value };
      if (name !== 'skey' && name !== 'id') Object.assign(all, 'id' in example ? { skey: 'not its skey' } : {});
      return JSON.stringify({ interface: { interfaceName, para: all } });
    });
  });
}

async function attack(t: ExecutionContext, values: readonly unknown[]): Promise<void> {
  const before = await snapshot();
  const requests = values.flatMap(requestsWith).flatMap((body) => urls.map((base) => ({ body, base })));
  const statements = await stack.database.countStatements(async () => {
    const answers = await Promise.all(requests.map(({ body, base }) => send(body, base)));
    for (const [index, { returnCode, returnMessage, reason }] of answers.entries()) {
      t.true(![0, 1001].includes(returnCode) || reason === 'deadline', `${returnMessage} for ${requests[index]?.body}`);
      t.false(['internal', 'store_unavailable'].includes(reason ?? ''), `${reason} for ${requests[index]?.body}`);
    }
  });
  t.is(await snapshot(), before);
  for (const session of [bystander, victim]) t.is((await auth(url, session)).returnCode, 0);
  // Unknown ids are looked for together: an attacker's requests cost a fraction of a statement each.
  const own = statements.filter(({ table }) => table === 'cSessionInfo');
  t.true(own.every(({ kind }) => kind === 'select'));
  t.true(own.length < requests.length / 5, `${own.length} statements for ${requests.length} requests`);
}

test.serial('SQL in any parameter of any interface changes nothing and lets nobody in', (t) => attack(t, sqlTexts));

test.serial('objects and arrays in the place of strings let nobody in', (t) => attack(t, valuesOfOtherTypes));

test.serial('SQL in a code is 40029: neither WeChat nor the database hears of it', async (t) => {
  const rows = async () => (await stack.database.query('select id from cSessionInfo')).length;
  const count = await rows();
  for (const [index, text] of sqlTexts.entries()) {
    const code = `${newUser()}${text}~${index}`;
    const answer = await call(url, 'qcloud.cam.id_skey', { code });
    t.deepEqual([answer.returnCode, answer.reason], [40029, 'code_invalid'], code);
    t.is(stack.wechat?.stats().codes[code], undefined, code);
  }
  t.is(await rows(), count);
});

test.serial('a server that takes a backslash for a plain character is told otherwise', async (t) => {
  const [mode] = await stack.database.query<{ mode: string }>('select @@global.sql_mode mode');
  t.teardown(() => stack.database.query('set global sql_mode = ?', [mode?.mode]));
  await stack.database.query("set global sql_mode = 'NO_BACKSLASH_ESCAPES'");
  const anotherUrl = await stack.addWeb();
  await untilReady(anotherUrl);
  for (const id of ["'", "\\'", "') or 1=1 -- ", "') or sleep(5) -- "]) {
    const answer = await auth(anotherUrl, { id, skey: 'x' });
    t.is(answer.returnMessage, 'AUTH_FAIL', `${id}: ${answer.reason}`);
  }
});

test.serial('no parameter changes a prototype, or is read from one', async (t) => {
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const polluting = `"${name}":{"id":${JSON.stringify(victim.id)},"skey":${JSON.stringify(victim.skey)},"polluted":1}`;
    const requests = [
      `{"interface":{"interfaceName":"qcloud.cam.auth","para":{${polluting}}}}`,
      `{${polluting},"interface":{"interfaceName":"qcloud.cam.auth",${polluting},"para":{}}}`,
    ];
    for (const request of requests) t.is((await send(request)).returnCode, 1003);
    t.is((await send(`{"${name}":{"interfaceName":"qcloud.cam.auth","para":{}}}`)).returnCode, 1002);
    t.is((await send(`{"interface":{"interfaceName":"${name}","para":{}}}`)).returnCode, 1010);
  }
  t.is(({} as { polluted?: unknown }).polluted, undefined);
  t.deepEqual(Object.keys(Object.prototype), []);
});

test.serial('bodies that unfold into much are answered', async (t) => {
  const size = 60_000;
  const inPara = (value: string) =>
    `{"interface":{"interfaceName":"qcloud.cam.auth","para":{"id":${value},"skey":"x"}}}`;
  const answers = {
    [inPara('['.repeat(size / 2) + ']'.repeat(size / 2))]: 1009,
    [inPara('{"a":'.repeat(size / 6) + '1' + '}'.repeat(size / 6))]: 1009,
    ['['.repeat(size)]: 1009,
    [inPara('1e999999')]: 60_012,
    [inPara('9'.repeat(size))]: 60_012,
    [inPara(`"${'\\u0041'.repeat(size / 6)}"`)]: 60_012,
    [inPara(`"${'\\\\'.repeat(size / 2)}"`)]: 60_012,
    [inPara(`"${'\\u0041'.repeat(size / 6)}\\ud800"`)]: 1009,
    [inPara(`{${'"a":1,'.repeat(size / 6)}"a":2}`)]: 60_012,
    [inPara(`[${'"" ,'.repeat(size / 4)}""]`)]: 60_012,
    [inPara('""') + ' '.repeat(size)]: 60_012,
  };
  for (const [body, expected] of Object.entries(answers)) {
    t.is((await send(body)).returnCode, expected, `${body.slice(0, 100)}…`);
  }
});

/** Where time grows with the square of the length, 32 times as long takes a thousand times as much. */
function growth(run: (length: number) => void): number {
  const cost = (length: number) => {
    let best = Number.POSITIVE_INFINITY;
    for (let count = 0; count < 3; count++) {
      const before = process.cpuUsage();
      for (let again = 0; again < 5; again++) run(length);
      const { user, system } = process.cpuUsage(before);
      best = Math.min(best, user + system);
    }
    return best;
  };
  run(500);
  return cost(16_000) / Math.max(cost(500), 100);
}

test.serial('no pattern that reads what comes from outside takes more than in proportion', (t) => {
  const readers: Record<string, (length: number) => unknown> = {
    'escapes in a string': (length) => parsePhpJson(Buffer.from(`"${'\\u0041'.repeat(length)}"`)),
    'blank space after strings': (length) => parsePhpJson(Buffer.from(`["\\u0041"${' '.repeat(length)}]`)),
    'a string without an end': (length) => parsePhpJson(Buffer.from(`"${'\\"'.repeat(length)}`)),
    'many strings with blank space': (length) => parsePhpJson(Buffer.from(`[${'"\\u0041" ,'.repeat(length)}1]`)),
    'white space for the wire': (length) => toAsciiJson(`[1${' '.repeat(length)}]`),
    'escapes for the wire': (length) => toAsciiJson(`"${'\\/é'.repeat(length)}"`),
    'a long string for the wire': (length) => toAsciiString('é"'.repeat(length)),
    'blank space in a stored profile': (length) => decodeUserInfo(`A${' '.repeat(length)}!`),
    'blank space in an event': (length) => readWechatEvent(Buffer.from(`<xml>${' '.repeat(length)}<`)),
    'CDATA without an end': (length) => readWechatEvent(Buffer.from(`<xml><A><![CDATA[${']'.repeat(length)}`)),
    'many fields of an event': (length) => readWechatEvent(Buffer.from(`<xml>${'<A>1</A>'.repeat(length)}`)),
    'padding in a stored profile': (length) => decodeUserInfo(`A${' ='.repeat(length)}!`),
  };
  for (const [name, read] of Object.entries(readers)) {
    const times = growth((length) => void read(length));
    t.true(times < 300, `${name}: 32 times the length, ${Math.round(times)} times the work`);
  }
});

test.serial('line ends and JSON of a request make no line and no field in a log', async (t) => {
  const forged = '\r\n{"level":60,"msg":"forged"}\n';
  // On a Redis of their own: of the stack's, its worker could take every job.
  const redis = await startTestRedis({ onClose: t.teardown.bind(t) });
  const env = { ...stack.env, REDIS_URL: redis.url };
  const web = startProcess('web', env, t.teardown.bind(t));
  const worker = startProcess('worker', env, t.teardown.bind(t));
  await Promise.all([web.logged('web listens'), worker.logged('worker takes jobs')]);
  const { port } = JSON.parse(web.log.find((line) => line.includes('web listens')) as string) as { port: number };
  const webUrl = `http://127.0.0.1:${port}`;
  await untilReady(webUrl);
  const answers = await Promise.all([
    call(webUrl, 'qcloud.cam.id_skey', { code: newUser() }),
    call(webUrl, 'qcloud.cam.id_skey', { code: `${newUser()}${forged}` }),
    call(webUrl, 'qcloud.cam.id_skey', { code: newUser(), appid: forged }),
    call(webUrl, 'qcloud.cam.auth', { id: forged, skey: forged }),
    call(webUrl, forged, { id: forged }),
  ]);
  for (const id of ['forged {"level":60}', 'x'.repeat(65), 'ü', 'forged%0a']) {
    const { headers } = await poster.post(`${webUrl}/mina_auth/`, '{}', {
      'X-Request-Id': Buffer.from(id).toString('latin1'),
    });
    t.regex(String(headers['x-request-id']), /^[0-9a-f]{12}-\w+$/);
  }
  t.is(answers[0]?.returnCode, 0);
  web.kill('SIGTERM');
  worker.kill('SIGTERM');
  await Promise.all([web.exited, worker.exited]);
  for (const line of [...web.log, ...worker.log]) {
    const entry = JSON.parse(line) as { level: number; role: string };
    t.true(entry.level <= 40 && ['web', 'worker'].includes(entry.role), line);
    t.false(line.includes('forged'), line);
  }
  t.true(worker.log.some((line) => line.includes('"log-in"')));
});
