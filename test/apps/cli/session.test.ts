import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { createUser } from '../../../apps/wechat-simulator/users.ts';
import { auth, call, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { runCli } from './run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const [url] = stack.urls;
const wafer = (args: string[], options?: { stdin?: string }) => runCli(stack.env, args, options);

const otherApp = 'wx1111111111111111';

test.serial('session show tells everything but the secrets', async (t) => {
  const user = newUser();
  const { id, skey } = (await login(url, user)).returnData as { id: string; skey: string };
  const { openid, sessionKey } = createUser(testAppid, user);
  const byId = await wafer(['session', 'show', '--id', id, '--json']);
  t.is(byId.status, 0, byId.stderr);
  const [session] = byId.json.sessions;
  t.like(session, {
    id,
    openId: openid,
    appid: testAppid,
    nickName: `小程序用户${user}🐼`,
    isValid: true,
    cached: 'same',
  });
  const created = session.createTime as { epochSeconds: number; utc8: string };
  t.is(Date.parse(`${created.utc8.replace(' ', 'T')}+08:00`) / 1000, created.epochSeconds);
  t.true(Math.abs(created.epochSeconds - Date.now() / 1000) < 60);
  const byUser = await wafer(['session', 'show', '--open-id', openid]);
  t.regex(byUser.stdout, new RegExp(id));
  t.regex(byUser.stdout, /valid now +yes/);
  for (const secret of [skey, sessionKey, testSecret]) t.false((byId.stdout + byUser.stdout).includes(secret));
});

test.serial('session show tells how the skeys before ended, the latest first', async (t) => {
  const user = newUser();
  const first = (await login(url, `${user}~1`)).returnData as { id: string; skey: string };
  const second = (await login(url, `${user}~2`)).returnData as { id: string; skey: string };
  await call(url, 'qcloud.cam.logout', second);
  const { json } = await wafer(['session', 'show', '--id', first.id, '--json']);
  const [session] = json.sessions as { reasons: string[]; skeysBefore: { reason: string; endTime: object }[] }[];
  t.deepEqual(session?.reasons, ['logged out']);
  t.deepEqual(
    session?.skeysBefore.map(({ reason }) => reason),
    ['logged_out', 'replaced'],
  );
  const { stdout } = await wafer(['session', 'show', '--id', first.id]);
  t.regex(stdout, /skeys before +logged out: .*\n +replaced by a later log-in: /);
});

test.serial('session show works without Redis, and compares by exact bytes', async (t) => {
  const { id } = (await login(url, newUser())).returnData as { id: string };
  const shown = await runCli({ DATABASE_URL: stack.database.url }, ['session', 'show', '--id', id, '--json']);
  t.is(shown.json.sessions[0].cached, 'unknown');
  const upper = await wafer(['session', 'show', '--id', id.toUpperCase(), '--json']);
  t.is(upper.status, 1);
  t.is(upper.json.error.code, 'session_unknown');
});

test.serial('session revoke ends a session at once, here and for the original', async (t) => {
  const user = newUser();
  const session = (await login(url, `${user}~1`)).returnData as { id: string; skey: string };
  t.is((await auth(url, session)).returnCode, 0);
  const revoked = await wafer(['session', 'revoke', '--id', session.id, '--json']);
  t.is(revoked.status, 0, revoked.stderr);
  t.is(revoked.json.revoked.length, 1);
  t.is((await auth(url, session)).returnCode, 60_012);
  const sql = 'select * from cSessionInfo where uuid = ? and skey = ?';
  t.deepEqual(await stack.database.query(sql, [session.id, session.skey]), []);
  t.like((await wafer(['session', 'show', '--id', session.id, '--json'])).json.sessions[0], {
    isValid: false,
    reasons: ['revoked'],
  });
  // The row and its id stay for the next log-in.
  const next = (await login(url, `${user}~2`)).returnData as { id: string; skey: string };
  t.is(next.id, session.id);
  t.is((await auth(url, next)).returnCode, 0);
});

test.serial('a revoked session is refused at once by a front end that has just read it', async (t) => {
  const session = (await login(url, newUser())).returnData as { id: string; skey: string };
  // A wrong skey makes the front end read the row, about once a second.
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const keepReading = async () => {
    while (!stop.signal.aborted) {
      void auth(url, { id: session.id, skey: newUser() }).catch(() => undefined);
      await sleep(20);
    }
  };
  const reading = keepReading();
  t.is((await wafer(['session', 'revoke', '--id', session.id])).status, 0);
  t.is((await auth(url, session)).returnCode, 60_012);
  stop.abort();
  await reading;
});

test.serial('session revoke --open-id ends all rows of that user and no other’s', async (t) => {
  const insert =
    "insert into cSessionInfo set uuid = ?, skey = 'b1946ac92492d2347c6235b4d2611184', create_time = utc_timestamp() + interval 8 hour, last_visit_time = utc_timestamp() + interval 8 hour, open_id = ?, session_key = 'k', user_info = 'e30='";
  await stack.database.query(insert, ['first', 'oUser']);
  await stack.database.query(insert, ['second', 'oUser']);
  await stack.database.query(insert, ['third', 'OUSER']);
  const skey = 'b1946ac92492d2347c6235b4d2611184';
  t.is((await auth(url, { id: 'first', skey })).returnCode, 0);
  t.is((await wafer(['session', 'revoke', '--open-id', 'oUser', '--appid', otherApp])).status, 1);
  t.is((await wafer(['session', 'revoke', '--open-id', 'oUser', '--appid', testAppid])).status, 0);
  const codes = [];
  for (const id of ['first', 'second', 'third']) codes.push((await auth(url, { id, skey })).returnCode);
  t.deepEqual(codes, [60_012, 60_012, 0]);
});

test.serial('session revoke without Redis changes nothing', async (t) => {
  const session = (await login(url, newUser())).returnData as { id: string; skey: string };
  const env = { ...stack.env, REDIS_URL: 'redis://127.0.0.1:1' };
  const revoked = await runCli(env, ['session', 'revoke', '--id', session.id, '--json']);
  t.is(revoked.status, 1);
  t.is(revoked.json.error.code, 'redis_unreachable');
  t.is((await auth(url, session)).returnCode, 0);
});

test.serial('session list finds who is logged in, and goes on where it ended', async (t) => {
  const users = [newUser(), newUser(), newUser()];
  for (const user of users) await login(url, user);
  const openIds = users.map((user) => createUser(testAppid, user).openid);
  const first = await wafer(['session', 'list', '--state', 'live', '--limit', '2', '--json']);
  t.is(first.status, 0, first.stderr);
  t.is(first.json.sessions.length, 2);
  const rest = await wafer(['session', 'list', '--state', 'live', '--cursor', first.json.next, '--json']);
  const listed = [...first.json.sessions, ...rest.json.sessions].map(({ openId }: { openId: string }) => openId);
  t.deepEqual(listed.slice(0, 3).toSorted(), openIds.toSorted());
  t.is(new Set(listed).size, listed.length);

  const text = await wafer(['session', 'list', '--open-id', openIds[0] as string]);
  t.regex(text.stdout, new RegExp(`${testAppid} +${openIds[0]} .* live `));
  const none = await wafer(['session', 'list', '--logged-in-to', '2001-01-01']);
  t.is(none.stdout, 'No session was found.\n');
  t.is((await wafer(['session', 'list', '--cursor', 'nonsense'])).status, 2);
  t.is((await wafer(['session', 'list', '--logged-in-from', 'yesterday'])).status, 2);
});
