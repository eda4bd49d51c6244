import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Webhook } from 'standardwebhooks';
import { createUser } from '../../../apps/wechat-simulator/users.ts';
import { endpointSecretPlace, previousEndpointSecretPlace } from '../../../shared/events/endpoint-store.ts';
import { createColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { parseKeyRing } from '../../../shared/keys/key-ring.ts';
import { auth, call, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestConsole, type Answer } from '../../support/console.ts';
import { startEventReceiver } from '../../support/event-receiver.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { noteSecret } from '../../support/traces.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const key = randomBytes(32).toString('base64');
const env = { WAFER_KEYS: `1:${key}`, EVENTS_PRIVATE_TARGETS: '127.0.0.1' };
const stack = await startStack({ onClose, env });
const [web] = stack.urls;
const { api, token } = await startTestConsole({ onClose, stack });
const [viewer, operator, admin] = [await token('viewer'), await token('operator'), await token('admin')];

const otherApp = 'wx1111111111111111';
const otherSecret = randomBytes(16).toString('hex');
noteSecret('app secret', otherSecret);

const get = (path: string, as = viewer) => api('GET', path, { as });
const send = (method: string, path: string, body: object = {}, as = admin) => api(method, path, { as, body });

async function logIn(user = newUser()) {
  const session = (await login(web, user)).returnData as { id: string; skey: string };
  return { ...session, openId: createUser(testAppid, user).openid };
}

/** Answers of the API in this file: none may tell a secret. */
function tellsNo(
  t: { false(value: boolean, message?: string): unknown },
  answers: readonly Answer[],
  secrets: readonly string[],
) {
  for (const secret of secrets)
    t.false(
      answers.some(({ text }) => text.includes(secret)),
      secret.slice(0, 4),
    );
}

async function lastEntry() {
  return (await get('/audit?limit=1')).body.items[0];
}

test.serial('a session is found, shown and ended at once, and the log says who did it', async (t) => {
  const { id, skey, openId } = await logIn();
  const found = await get(`/sessions?openId=${openId}`);
  t.is(found.status, 200, found.text);
  t.is(found.body.items.length, 1);
  const [{ row }] = found.body.items as [{ row: number }];
  t.like(found.body.items[0], { id, openId, appid: testAppid, state: 'live', endedAt: null, caller: null });
  const shown = await get(`/sessions/${row}`);
  t.like(shown.body, { row, id, state: 'live', cached: 'same', ends: [] });

  const path = `/sessions/${row}/revoke`;
  t.deepEqual((await send('POST', path, { dryRun: true }, operator)).body, { dryRun: true, sessions: 1, live: 1 });
  t.is((await auth(web, { id, skey })).returnCode, 0);
  t.deepEqual((await send('POST', path, {}, operator)).body, { dryRun: false, sessions: 1, live: 1 });
  t.is((await auth(web, { id, skey })).returnCode, 60_012);
  const ended = (await get(`/sessions/${row}`)).body;
  t.like(ended, { state: 'revoked' });
  t.is(ended.ends[0].why, 'revoked');
  t.not(ended.endedAt, null);
  t.like(await lastEntry(), { action: 'session revoke', target: `id ${id}`, via: 'console' });
  t.regex((await lastEntry()).by, /^program-/);
  tellsNo(t, [found, shown], [skey, testSecret]);

  t.is((await get('/sessions/2147483647')).status, 404);
  t.is((await get('/sessions?state=asleep')).status, 400);
  t.is((await get('/sessions?cursor=nonsense')).status, 400);
  t.is((await send('POST', path, { dryrun: true }, operator)).status, 400);
});

test.serial('a list goes on where its cursor says, and each filter takes part', async (t) => {
  const users = [await logIn(), await logIn(), await logIn()];
  const page = await get('/sessions?limit=2&state=live');
  t.is(page.body.items.length, 2);
  const rest = await get(`/sessions?limit=200&state=live&cursor=${page.body.next}`);
  const ids = [...page.body.items, ...rest.body.items].map((item: { id: string }) => item.id);
  t.is(new Set(ids).size, ids.length);
  t.deepEqual(ids.slice(0, 3).toSorted(), users.map((user) => user.id).toSorted());
  t.is((await get(`/sessions?limit=2&cursor=${page.body.next}`)).status, 400);
  t.is((await get(`/sessions?appid=${testAppid}&loggedInFrom=2001-01-01T00:00:00Z`)).body.items.length > 2, true);
  t.is((await get('/sessions?loggedInTo=2001-01-01T00:00:00Z')).body.items.length, 0);
});

test.serial('all sessions of a user end at once, after it was said how many', async (t) => {
  const { id, skey, openId } = await logIn();
  const foreseen = await send('POST', '/users/revoke', { openId, dryRun: true }, operator);
  t.deepEqual(foreseen.body, { dryRun: true, sessions: 1, live: 1 });
  t.is((await auth(web, { id, skey })).returnCode, 0);
  t.is((await send('POST', '/users/revoke', { openId }, operator)).status, 200);
  t.is((await auth(web, { id, skey })).returnCode, 60_012);
  t.is((await send('POST', '/users/revoke', {}, operator)).status, 400);
  t.is((await send('POST', '/users/revoke', { openId: 'oNobody' }, operator)).body.code, 'session_unknown');
});

test.serial('a person is exported and erased, and the log names the person no more', async (t) => {
  const { id, skey, openId } = await logIn();
  const kept = await get(`/users/export?openId=${openId}`, admin);
  t.is(kept.body.sessions.length, 1);
  tellsNo(t, [kept], [skey]);
  t.like(await lastEntry(), { action: 'user export', via: 'console' });
  const foreseen = await send('POST', '/users/erase', { openId, dryRun: true });
  t.like(foreseen.body, { dryRun: true, sessions: 1, label: null });
  t.is((await get(`/sessions?openId=${openId}`)).body.items.length, 1);
  const erased = await send('POST', '/users/erase', { openId });
  t.like(erased.body, { dryRun: false, sessions: 1, isDone: true, silent: [] });
  t.is((await auth(web, { id, skey })).returnCode, 60_012);
  t.is((await get(`/sessions?openId=${openId}`)).body.items.length, 0);
  t.deepEqual((await get('/users/erasures')).body.items, []);
  t.false((await get('/audit?limit=200')).text.includes(openId));
});

test.serial('an app is added, changed and removed; its secret is never told', async (t) => {
  const incomplete = await send('PUT', `/apps/${otherApp}`, { maxSessions: 3 });
  t.is(incomplete.status, 400, incomplete.text);
  const added = await send('PUT', `/apps/${otherApp}`, { secret: otherSecret, maxSessions: 3, graceSeconds: 5 });
  t.like(added.body, { isAdded: true, isSecretChanged: true, defaultNow: testAppid });
  t.like(added.body.app, { appid: otherApp, maxSessions: 3, graceSeconds: 5, hasSecret: true, isDefault: false });
  const [{ secret: sealed }] = (await stack.database.query<{ secret: string }>(
    'select secret from cAppinfo where appid = ?',
    [otherApp],
  )) as [{ secret: string }];
  t.false(sealed.includes(otherSecret));
  const changed = await send('PUT', `/apps/${otherApp}`, { loginDurationDays: 7, watermarkMaxAgeSeconds: 60 });
  t.like(changed.body, { isAdded: false, isSecretChanged: false });
  t.like((await get(`/apps/${otherApp}`)).body, { loginDurationDays: 7, watermarkMaxAgeSeconds: 60, maxSessions: 3 });
  const listed = await get('/apps');
  t.deepEqual(
    listed.body.items.map(({ appid }: { appid: string }) => appid),
    [testAppid, otherApp].toSorted(),
  );
  tellsNo(t, [added, changed, listed], [otherSecret, sealed, testSecret]);

  const foreseen = await send('DELETE', `/apps/${otherApp}`, { dryRun: true });
  t.like(foreseen.body, { dryRun: true, sessions: 0, callers: [], defaultNow: testAppid });
  t.is((await get(`/apps/${otherApp}`)).status, 200);
  t.is((await send('DELETE', `/apps/${otherApp}`)).status, 200);
  t.is((await get(`/apps/${otherApp}`)).body.code, 'app_unknown');
  t.is((await send('DELETE', `/apps/${otherApp}`)).status, 404);
  t.like(await lastEntry(), { action: 'app remove', target: otherApp });
});

test.serial('all sessions of an app end at once, after it was said about how many', async (t) => {
  const session = await logIn();
  const foreseen = await send('POST', `/apps/${testAppid}/revoke`, { dryRun: true }, operator);
  t.true(foreseen.body.sessions > 0, foreseen.text);
  t.is((await auth(web, session)).returnCode, 0);
  t.like((await send('POST', `/apps/${testAppid}/revoke`, {}, operator)).body, { dryRun: false, silent: [] });
  t.is((await auth(web, session)).returnCode, 60_012);
  t.like((await get(`/sessions?openId=${session.openId}`)).body.items[0], { state: 'revoked' });
});

test.serial('a caller gets a key once, other rights, and loses it', async (t) => {
  const added = await send('POST', '/callers', { name: 'shop', appids: [testAppid], may: ['decrypt', 'auth'] });
  t.is(added.status, 201, added.text);
  const { key: callerKey, path } = added.body as { key: string; path: string };
  noteSecret('caller key', callerKey);
  const session = await logIn();
  const check = () => call(`${web}${path.replace(/\/mina_auth\/$/, '')}`, 'qcloud.cam.auth', session);
  t.is((await check()).returnCode, 0);
  t.is((await send('POST', '/callers', { name: 'shop' })).body.code, 'caller_exists');
  t.is((await send('POST', '/callers', { name: 'other', appids: ['wxnowhere'] })).body.code, 'app_unknown');
  const listed = await get('/callers');
  t.like(listed.body.items[0], { name: 'shop', appids: [testAppid], may: ['auth', 'decrypt'] });
  const changed = await send('PATCH', '/callers/shop', { may: null });
  t.like(changed.body, { may: null, appids: [testAppid], before: { may: ['auth', 'decrypt'] } });
  t.deepEqual((await send('DELETE', '/callers/shop', { dryRun: true })).body, {
    dryRun: true,
    name: 'shop',
    appids: [testAppid],
    silent: [],
  });
  t.is((await check()).returnCode, 0);
  t.is((await send('DELETE', '/callers/shop')).status, 200);
  t.not((await check().catch(() => ({ returnCode: -1 }))).returnCode, 0);
  t.is((await send('DELETE', '/callers/shop')).status, 404);
  tellsNo(t, [listed, changed], [callerKey]);
});

test.serial('keys are counted, and rotated while workers run', async (t) => {
  await logIn();
  const status = await get('/keys');
  t.like(status.body, { writes: 1, keys: [1], missing: [] });
  t.is((await get('/keys/rotation')).body.state, 'none');
  await stack.database.query('update cAppinfo set secret = ? where appid = ?', [testSecret, testAppid]);
  const foreseen = await send('POST', '/keys/rotate', { dryRun: true });
  t.true(foreseen.body.values >= 1, foreseen.text);
  const begun = await send('POST', '/keys/rotate');
  t.is(begun.status, 202, begun.text);
  await until('the rotation is done', async () => (await get('/keys/rotation')).body.state === 'done');
  t.like((await get('/keys/rotation')).body, { error: null, unreadable: 0 });
  t.like((await send('POST', '/keys/rotate', { dryRun: true })).body, { values: 0 });
  t.like(await lastEntry(), { action: 'keys rotate', via: 'console' });
  tellsNo(t, [status, begun], [key]);
});

test.serial('secrets of endpoints are encrypted anew too, and events are signed as before', async (t) => {
  const receiver = await startEventReceiver(t.teardown);
  const makeSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
  const [secret, previous] = [makeSecret(), makeSecret()];
  for (const each of [secret, previous]) noteSecret('secret of an endpoint', each);
  t.is((await send('POST', '/endpoints', { name: 'crm', url: receiver.url })).status, 201);
  const { database } = stack;
  const write = 'update cWaferEndpoint set secret = ?, previous_secret = ?, previous_secret_until = ? where name = ?';
  const tomorrow = Date.now() + 86_400_000;
  await database.query(write, [secret, previous, tomorrow, 'crm']);
  t.is((await send('POST', '/endpoints', { name: 'lost', url: receiver.url })).status, 201);
  const unreadable = `wafer:9:${randomBytes(60).toString('base64')}`;
  await database.query(write, [unreadable, null, null, 'lost']);

  t.is((await send('POST', '/keys/rotate')).status, 202);
  await until('the rotation is done', async () => (await get('/keys/rotation')).body.state === 'done');
  t.is((await get('/keys/rotation')).body.error.code, 'values_left');
  const rows = await database.query<{ name: string; secret: string; previous_secret: string | null; until: number }>(
    'select name, secret, previous_secret, previous_secret_until as until from cWaferEndpoint order by name',
  );
  const cipher = createColumnCipher(parseKeyRing(env.WAFER_KEYS));
  const [crm, lost] = rows;
  t.regex(`${crm?.secret} ${crm?.previous_secret}`, /^wafer:1:\S+ wafer:1:\S+$/);
  t.is(cipher.open(endpointSecretPlace('crm'), crm?.secret ?? ''), secret);
  t.is(cipher.open(previousEndpointSecretPlace('crm'), crm?.previous_secret ?? ''), previous);
  t.is(crm?.until, tomorrow);
  t.like(lost, { secret: unreadable, previous_secret: null }, 'what can’t be read stays');

  t.like((await send('POST', '/endpoints/crm/test')).body, { delivered: true });
  const { body, headers } = receiver.deliveries[0] ?? { body: '', headers: {} };
  t.notThrows(() => new Webhook(secret).verify(body, headers as Record<string, string>));
  t.is((await send('POST', '/endpoints/lost/test')).status, 503);
  for (const name of ['crm', 'lost']) t.is((await send('DELETE', `/endpoints/${name}`)).status, 204);
});

test.serial('queues, tokens and the audit log are shown, and the log is exported', async (t) => {
  const queues = await get('/queues');
  t.deepEqual(
    queues.body.queues.map(({ queue, failed }: { queue: string; failed: number }) => [queue, failed]),
    [
      ['login', 0],
      ['session', 0],
    ],
  );
  t.is(queues.body.web.length, 1);
  t.is((await get('/tokens')).body.items[0].appid, testAppid);
  const renewed = await send('POST', `/tokens/${testAppid}/renew`);
  t.is(renewed.body.appid, testAppid, renewed.text);
  t.is((await get('/tokens')).body.items[0].fingerprint, renewed.body.fingerprint);
  t.is((await send('POST', '/tokens/wxnowhere/renew')).status, 404);

  const { items } = (await get('/audit?action=app%20set&limit=1')).body;
  t.like(items[0], { action: 'app set', target: otherApp, via: 'console' });
  t.is((await get(`/audit?by=${items[0].by}&target=${otherApp}`)).body.items.length, 3);
  t.is((await get('/audit?to=2001-01-01T00:00:00Z')).body.items.length, 0);
  const exported = await get('/audit/export', admin);
  const lines = exported.text.trimEnd().split('\n');
  t.is((JSON.parse(lines[0] as string) as { action: string }).action, 'audit export');
  t.is(lines.length, (await get('/audit?limit=200')).body.items.length);
});

test.serial('the doctor tells what it finds as events, and changes nothing', async (t) => {
  const { text, headers } = await get('/doctor', operator);
  t.regex(headers.get('content-type') ?? '', /^text\/event-stream/);
  const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data]) => ({
    event,
    data: JSON.parse(data as string) as Record<string, unknown>,
  }));
  const findings = events.filter(({ event }) => event === 'finding').map(({ data }) => data);
  t.true(findings.some(({ check, state }) => check === 'database.reachable' && state === 'ok'));
  t.true(findings.some(({ check }) => check === 'processes.worker'));
  const faults = findings.filter(({ state }) => state === 'fault').length;
  t.like(events.at(-1), { event: 'end', data: { faults } });
});

test.serial('who asks for the access tokens while somebody else does shares the look', async (t) => {
  const looks = async (times: number) => {
    const statements = await stack.database.countStatements(async () => {
      const answers = await Promise.all(Array.from({ length: times }, () => get('/tokens', operator)));
      t.is(new Set(answers.map(({ status }) => status)).size, 1);
    });
    return statements.filter(({ text }) => text.includes('from cWaferKey')).length;
  };
  const ofOne = await looks(1);
  t.is(ofOne, 1);
  // Those that come after its end share another.
  t.true((await looks(20)) < 10);
});

test.serial('who asks the doctor while it looks shares what it finds', async (t) => {
  const ofOneLook = 'select @@global.max_connections as most';
  const looks = async (times: number) => {
    const statements = await stack.database.countStatements(async () => {
      const answers = await Promise.all(Array.from({ length: times }, () => get('/doctor', operator)));
      t.is(new Set(answers.map(({ text }) => text.replaceAll(/^:.*\n\n/gm, ''))).size, 1);
    });
    return statements.filter(({ text }) => text.includes(ofOneLook)).length;
  };
  t.is(await looks(1), 1);
  t.is(await looks(12), 1);
});
