import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { rootDir } from '../support/built.ts';
import { auth, call, login, newUser, type Answer } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startEchoServer } from '../support/echo-server.ts';
import {
  appThatEndsSessions,
  endInFiveWays,
  forEach,
  type EndedSession,
  type TestSession,
} from '../support/ended-sessions.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import { readFreshMetrics } from '../support/fresh-metrics.ts';
import { startNginx } from '../support/nginx.ts';
import { startStack, testAppid, testSecret } from '../support/stack.ts';
import { noteSecret } from '../support/traces.ts';
import { until } from '../support/until.ts';
import { openBothWays } from '../support/ways.ts';

const onClose = closeAfterAll(test);
const otherAppid = 'wxffffffffffffffff';
const stack = await startStack({ onClose, app: appThatEndsSessions, env: { LOGIN_LIMIT_PER_USER: '0' } });
const [url] = stack.urls;
const fronts = await openBothWays(stack);
const wafer = (...args: string[]) => runCli(stack.env, args);

const refusal = '{"returnCode":60012,"returnMessage":"AUTH_FAIL","returnData":"","version":1,"componentName":"MA"}';
const logIn = async (code: string): Promise<TestSession> => (await login(url, code)).returnData as TestSession;
const reasonOf = async (session: TestSession, para: object = {}) =>
  (await call(url, 'qcloud.cam.auth', { id: session.id, skey: session.skey, ...para })).reason;
const checkByHeaders = (web: string, { id, skey }: TestSession) =>
  fetch(`${web}/forward-auth`, { headers: { 'X-WX-Id': id, 'X-WX-Skey': skey } });
const guess = () => randomBytes(16).toString('hex');

/** Asks again where nobody knows: a busy machine reads too late, which says nothing of a session. */
const ask = async (web: string, session: TestSession): Promise<Answer> => {
  for (let tries = 1; ; tries++) {
    const answer = await auth(web, session);
    if (answer.returnCode !== 1001 || tries >= 5) return answer;
  }
};

/** How often each reason was given. */
const countOf = (reasons: readonly (string | null)[]) => {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[String(reason)] = (counts[String(reason)] ?? 0) + 1;
  return counts;
};

let ended: readonly EndedSession[] = [];

test.serial('1,000 sessions that ended in five ways get their reasons, 1,000 guesses none', async (t) => {
  ended = await endInFiveWays(stack, 200);
  const skeyOf = (index: number) => ended[(index + 1) % ended.length]?.skey as string;
  // Half of them have an id that is right; and skeys that were somebody's prove nothing of others.
  const guesses = ended.map(({ id }, index) => {
    if (index % 2 === 0) return { id, skey: guess() };
    return index % 4 === 1 ? { id, skey: skeyOf(index) } : { id: guess(), skey: skeyOf(index) };
  });
  for (const { url: web, how } of fronts) {
    const answers = await forEach(ended, (session) => ask(web, session), 25);
    t.is(answers.filter(({ text }) => text !== refusal).length, 0, how);
    t.deepEqual(
      answers.map(({ reason }) => reason),
      ended.map(({ reason }) => reason),
      how,
    );
    const guessed = await forEach(guesses, (session) => ask(web, session), 25);
    t.deepEqual(countOf(guessed.map(({ reason }) => reason)), { null: 1000 }, how);
    t.is(guessed.filter(({ text }) => text !== refusal).length, 0, how);
  }
});

test.serial('forward auth hands the reason on in the header of its 401, not in the body', async (t) => {
  for (const { url: web, how } of fronts) {
    for (const session of ended.filter((_, index) => index % 100 === 0)) {
      const response = await checkByHeaders(web, session);
      t.is(response.status, 401);
      t.is(response.headers.get('x-wafer-reason'), session.reason, how);
      t.is(await response.text(), '{"error":"session_invalid"}');
      const guessed = await checkByHeaders(web, { id: session.id, skey: guess() });
      t.is(guessed.headers.get('x-wafer-reason'), 'session_invalid', how);
      t.is(await guessed.text(), '{"error":"session_invalid"}');
    }
  }
});

test.serial('nginx, set up as in the example, hands the reason on to the client', async (t) => {
  const backEnd = await startEchoServer(onClose);
  const config = readFileSync(join(rootDir, 'examples/gateways/nginx.conf'), 'utf8')
    .replaceAll('127.0.0.1:8080', new URL(url).host)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${backEnd.port}`);
  const gateway = await startNginx(config, onClose);
  const [first] = ended as readonly [EndedSession];
  const ask = ({ id, skey }: TestSession) => fetch(`${gateway}/`, { headers: { 'X-WX-Id': id, 'X-WX-Skey': skey } });
  const refused = await ask(first);
  t.is(refused.status, 401);
  t.is(refused.headers.get('x-wafer-reason'), first.reason);
  const session = await logIn(`${newUser()}~1`);
  const accepted = await ask(session);
  t.is(accepted.status, 200);
  t.is(accepted.headers.get('x-wafer-reason'), null);
  t.is((await ask({ ...session, skey: guess() })).headers.get('x-wafer-reason'), 'session_invalid');
});

test.serial('every interface with a session tells the reason, decrypt in its own failure', async (t) => {
  const user = newUser();
  const { id, skey } = await logIn(`${user}~1`);
  await logIn(`${user}~2`);
  const more = { encrypt_data: 'AAAA', iv: 'A'.repeat(24), code: 'c' };
  for (const name of ['auth', 'logout', 'userinfo', 'phone', 'checksession', 'resetkey']) {
    const answer = await call(url, `qcloud.cam.${name}`, { id, skey, ...more });
    t.is(answer.text, refusal, name);
    t.is(answer.reason, 'replaced', name);
  }
  const answer = await call(url, 'qcloud.cam.decrypt', { id, skey, ...more });
  t.is(answer.returnMessage, 'GET_SESSION_KEY_FAIL');
  t.is(answer.reason, 'replaced');
});

test.serial('the reason outlives a cleared cache and every front end', async (t) => {
  const [first] = ended as readonly [EndedSession];
  await wafer('cache', 'clear');
  t.is(await reasonOf(first), first.reason);
  const later = await stack.addWeb();
  t.is((await auth(later, first)).reason, first.reason);
});

test.serial('with the policy multi only the device that was replaced gets the reason', async (t) => {
  await wafer('app', 'set', testAppid, '--policy', 'multi', '--max-sessions', '3');
  const user = newUser();
  const devices: TestSession[] = [];
  for (const count of [1, 2, 3, 4]) devices.push(await logIn(`${user}~${count}`));
  const [oldest, ...others] = devices as [TestSession, ...TestSession[]];
  t.is(await reasonOf(oldest), 'replaced');
  for (const device of others) t.is((await auth(url, device)).returnCode, 0);
  // The oldest one's row is the newest one's now; its place is not the others'.
  t.is(others.filter(({ id }) => id === oldest.id).length, 1);
  t.is(await reasonOf({ id: others[0]?.id ?? '', skey: oldest.skey }), null);
  // Back to single: all of them lose their sessions to the next log-in.
  await wafer('app', 'set', testAppid, '--policy', 'single');
  await logIn(`${user}~5`);
  t.deepEqual(countOf(await Promise.all(devices.map((device) => reasonOf(device)))), { replaced: 4 });
});

test.serial('a log-in that a later one overtakes is told that it was replaced', async (t) => {
  const user = newUser();
  const answers = await forEach(
    Array.from({ length: 20 }, (_, index) => index),
    (index) => login(url, `${user}~${index}`),
    20,
  );
  const tellAll = async (): Promise<(string | null)[]> => {
    const checks: Answer[] = [];
    for (const { returnData } of answers.slice(-8)) checks.push(await auth(url, returnData));
    return checks.filter(({ returnCode }) => returnCode !== 0).map(({ reason }) => reason);
  };
  // As many as a row remembers; which of them they are nobody knows.
  await until('those that are remembered are told', async () => (await tellAll()).includes('replaced'));
  const [row] = await stack.database.query<{ entries: number }>(
    'select length(ended_skeys) / 21 as entries from cSessionInfo where open_id = ?',
    [createUser(testAppid, user).openid],
  );
  t.is(Number(row?.entries), 8);
});

test.serial('what had run out before it was replaced is told as that', async (t) => {
  const user = newUser();
  const first = await logIn(`${user}~1`);
  await stack.database.query(
    `update cSessionInfo set create_time = create_time - interval 3 day, last_visit_time = last_visit_time - interval 2 day
     where uuid = ?`,
    [first.id],
  );
  const second = await logIn(`${user}~2`);
  const third = await logIn(`${user}~3`);
  t.is(await reasonOf(first), 'idle');
  t.is(await reasonOf(second), 'replaced');
  t.is((await auth(url, third)).returnCode, 0);
});

test.serial('a log-out or a revocation stays the reason when the user logs in again', async (t) => {
  const user = newUser();
  const first = await logIn(`${user}~1`);
  await call(url, 'qcloud.cam.logout', first);
  const second = await logIn(`${user}~2`);
  await wafer('session', 'revoke', '--id', second.id);
  const third = await logIn(`${user}~3`);
  t.is(await reasonOf(first), 'logged_out');
  t.is(await reasonOf(second), 'revoked');
  t.is((await auth(url, third)).returnCode, 0);
});

test.serial('a log-out that is written late ends no session of a log-in before it', async (t) => {
  const { query } = stack.database;
  const user = newUser();
  const first = await logIn(`${user}~1`);
  const newSkey = guess();
  noteSecret('skey', newSkey);
  await query('start transaction');
  await query('update cSessionInfo set skey = ?, fence = fence + 1 where uuid = ?', [newSkey, first.id]);
  const isWritten = new Promise<void>((resolve) => {
    const stop = stack.database.watchStatements((text) => {
      if (!text.startsWith('update cSessionInfo')) return;
      stop();
      resolve();
    });
  });
  const loggingOut = call(url, 'qcloud.cam.logout', first);
  await isWritten;
  await query('commit');
  t.is((await loggingOut).returnCode, 60012);
  t.is((await auth(url, { id: first.id, skey: newSkey })).returnCode, 0);
});

test.serial('an skey is replaced when its time of grace is over, not before', async (t) => {
  await wafer('app', 'set', testAppid, '--grace', '60');
  const user = newUser();
  const first = await logIn(`${user}~1`);
  await logIn(`${user}~2`);
  t.is((await auth(url, first)).returnCode, 0);
  await stack.database.query(
    'update cSessionInfo set previous_skey_until = previous_skey_until - interval 120 second where uuid = ?',
    [first.id],
  );
  await wafer('app', 'set', testAppid, '--grace', '0');
  await wafer('cache', 'clear');
  t.is(await reasonOf(first), 'replaced');
});

test.serial('a request for another app gets no reason, one for the right app or none does', async (t) => {
  await stack.database.query('insert into cAppinfo set appid = ?, secret = ?', [otherAppid, testSecret]);
  await stack.database.query('update cAppinfo set is_default = 1 where appid = ?', [testAppid]);
  await wafer('cache', 'clear');
  const user = newUser();
  const first = await logIn(`${user}~1`);
  await logIn(`${user}~2`);
  t.is(await reasonOf(first, { appid: otherAppid }), null);
  t.is(await reasonOf(first, { appid: testAppid }), 'replaced');
  t.is(await reasonOf(first), 'replaced');
  const { json } = await wafer('caller', 'add', 'other', '--app', otherAppid, '--json');
  const bound = `${url}/k/${(json as { key: string }).key}`;
  t.is((await auth(bound, first)).reason, null);
  t.is((await checkByHeaders(bound, first)).headers.get('x-wafer-reason'), 'session_invalid');
});

test.serial('a session whose app is gone is told so', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  await stack.database.query('update cSessionInfo set appid = ? where uuid = ?', [otherAppid, session.id]);
  await wafer('cache', 'clear');
  t.is((await auth(url, session)).returnCode, 0);
  t.is((await wafer('app', 'remove', otherAppid)).status, 0);
  t.is(await reasonOf(session), 'app_removed');
  t.is(await reasonOf({ ...session, skey: guess() }), null);
});

test.serial('an skey that the original gave, and replaced, proves nothing', async (t) => {
  const session = await logIn(`${newUser()}~1`);
  await stack.database.query('update cSessionInfo set skey = ? where uuid = ?', [guess(), session.id]);
  await wafer('cache', 'clear');
  t.is(await reasonOf(session), null);
});

test.serial('a guess and an ended skey cause the same Redis commands and statements', async (t) => {
  await wafer('cache', 'clear');
  const rowOf = async ({ id }: TestSession) =>
    (await stack.database.query<{ id: number }>('select id from cSessionInfo where uuid = ?', [id]))[0]?.id;
  /** What speaks of this session, in Redis and MySQL, while it is asked for twice. */
  const traceOf = async (session: TestSession, skey: string): Promise<string[]> => {
    const row = String(await rowOf(session));
    const isAbout = (args: readonly string[]) =>
      args.some((arg) => arg.includes(session.id)) ||
      (args.includes(row) && args.some((arg) => arg.startsWith('wafer:{visits')));
    let statements: readonly { kind: string; text: string }[] = [];
    const commands = await monitorRedis(stack.redis?.url ?? '', async () => {
      statements = await stack.database.countStatements(async () => {
        for (const web of [url, url]) t.is((await auth(web, { id: session.id, skey })).returnCode, 60_012);
      });
    });
    return [
      ...commands.filter(({ args }) => isAbout(args)).map(({ name, args }) => `${name} of ${args.length}`),
      ...statements.filter(({ text }) => text.includes(session.id)).map(({ kind }) => kind),
    ];
  };
  for (const reason of ['replaced', 'logged_out', 'revoked', 'expired', 'idle']) {
    const [one, other] = ended.filter((session) => session.reason === reason).slice(50) as [EndedSession, EndedSession];
    const traces = [await traceOf(one, one.skey), await traceOf(other, guess())];
    t.deepEqual(traces[1], traces[0], reason);
    t.true((traces[0]?.length ?? 0) > 1, reason);
    t.log(reason, traces[0]?.join(', '));
  }
});

test.serial('an ended skey and a guess cost a statement each, a storm of them a few', async (t) => {
  const user = newUser();
  const first = await logIn(`${user}~1`);
  await logIn(`${user}~2`);
  const count = async (sessions: readonly TestSession[]) => {
    const statements = await stack.database.countStatements(() => forEach(sessions, (one) => auth(url, one), 100));
    return statements.filter(({ table }) => table === 'cSessionInfo').map(({ kind }) => kind);
  };
  t.deepEqual(await count([first]), ['select']);
  const [other] = ended as readonly [EndedSession];
  t.deepEqual(await count([{ id: other.id, skey: guess() }]), ['select']);
  const storm = await count(Array.from({ length: 1000 }, () => first));
  t.true(storm.length <= 20, `${storm.length} statements`);
  const [idle] = ended.filter(({ reason }) => reason === 'idle') as [EndedSession];
  const idleStorm = await count(Array.from({ length: 1000 }, () => idle));
  t.true(idleStorm.length <= 20, `${idleStorm.length} statements`);
  t.log(`${storm.length} and ${idleStorm.length} statements`);
});

test.serial('refused sessions are counted by their reason, guesses as unknown', async (t) => {
  const read = async () => {
    const text = await readFreshMetrics(url);
    return Object.fromEntries(
      [...text.matchAll(/wafer_sessions_refused_total\{reason="(\w+)"\} (\d+)/g)].map(([, reason, count]) => [
        reason,
        Number(count),
      ]),
    );
  };
  const before = await read();
  t.deepEqual(Object.keys(before).toSorted(), [
    'app_removed',
    'expired',
    'idle',
    'logged_out',
    'replaced',
    'revoked',
    'unknown',
  ]);
  for (const reason of ['replaced', 'expired', 'idle', 'revoked', 'logged_out']) {
    const session = ended.find((one) => one.reason === reason) as EndedSession;
    await auth(url, session);
    await checkByHeaders(url, session);
    await auth(url, { id: session.id, skey: guess() });
  }
  const after = await read();
  const more = (reason: string) => (after[reason] ?? 0) - (before[reason] ?? 0);
  t.deepEqual(
    ['replaced', 'expired', 'idle', 'revoked', 'logged_out', 'unknown', 'app_removed'].map(more),
    [2, 2, 2, 2, 2, 5, 0],
  );
});
