import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import test from 'ava';
import { createConnection } from 'mysql2/promise';
import { Secret, TOTP } from 'otpauth';
import { checkConsole } from '../../../shared/administration/doctor/console.ts';
import { withRedis } from '../../../shared/administration/stores.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { machineName } from '../../../shared/redis/presence.ts';
import { withClockAhead } from '../../support/clock-ahead.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { cookieOf, pageHeaders, startTestConsole, type Answer, type SignedIn } from '../../support/console.ts';
import { openRedis } from '../../support/open-redis.ts';
import { findMetricFaults } from '../../support/promtool.ts';
import { openSocket } from '../../support/raw-http.ts';
import { noteSecret } from '../../support/traces.ts';
import { until } from '../../support/until.ts';
import { runCli } from '../cli/run-cli.ts';

const keys = `1:${randomBytes(32).toString('base64')}`;
const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose, env: { WAFER_KEYS: keys, TRUSTED_PROXIES: '127.0.0.1' } });
const { url, api, database } = site;
const cliEnv = { DATABASE_URL: database.url, REDIS_URL: site.redis.url, CONSOLE_URL: url, WAFER_KEYS: keys };
const page = pageHeaders(url);
const redis = openRedis(site.redis.url);
onClose(() => redis.disconnect());

/** As from another address: the proxy before the console says so. */
const from = (address: string) => ({ ...page, 'X-Forwarded-For': address });
let addresses = 0;
const newAddress = () => `203.0.113.${++addresses}`;
const trySignIn = (name: string, password: string, more: { totp?: string; address?: string } = {}) =>
  api('POST', '/sign-in', {
    body: { name, password, ...(more.totp === undefined ? {} : { totp: more.totp }) },
    headers: from(more.address ?? newAddress()),
  });
const me = (as: SignedIn | string) => api('GET', '/me', { as });
const newPassword = () => {
  const password = randomBytes(18).toString('base64');
  noteSecret('operator’s password', password);
  return password;
};

/** What gives rights is confirmed. */
const confirmOf = ({ password }: SignedIn) => ({ confirm: { password } });
const minuteMs = 60_000;

test.serial('a sign-in ends an hour after the last visit', async (t) => {
  const person = await site.signIn('viewer');
  await withClockAhead(59 * minuteMs, async () => t.is((await me(person)).status, 200));
  await withClockAhead(118 * minuteMs, async () => t.is((await me(person)).status, 200, 'the visit counts'));
  await withClockAhead(179 * minuteMs, async () => t.is((await me(person)).status, 401));
  await withClockAhead(118 * minuteMs, async () => t.is((await me(person)).status, 401, 'for good'));
});

test.serial('what a page that nobody touches asks for by itself is no visit', async (t) => {
  const person = await site.signIn('viewer');
  const alone = { ...person, headers: { ...person.headers, 'X-Wafer-Unattended': '1' } };
  await withClockAhead(59 * minuteMs, async () => t.is((await me(alone)).status, 200));
  await withClockAhead(61 * minuteMs, async () => t.is((await me(person)).status, 401));
});

test.serial('a sign-in ends twelve hours after it began, however it is used', async (t) => {
  const person = await site.signIn('viewer');
  const halfHourMs = 1_800_000;
  for (let count = 1; count < 24; count++)
    await withClockAhead(count * halfHourMs, async () => t.is((await me(person)).status, 200, String(count)));
  await withClockAhead(24 * halfHourMs, async () => t.is((await me(person)).status, 401));
});

test.serial('wafer operator add shows a link by which a password is set, once', async (t) => {
  const run = await runCli(cliEnv, ['operator', 'add', 'Alice', '--role', 'operator', '--json']);
  t.is(run.status, 0, run.stderr);
  t.like(run.json, { name: 'alice', role: 'operator' });
  const [address = '', token = ''] = (run.json.link as string).split('#token=');
  noteSecret('link to set a password', token);
  t.is(address, `${url}/set-password`);
  const password = newPassword();
  t.is((await api('POST', '/password', { body: { token, password }, headers: page })).status, 204);
  const again = await api('POST', '/password', { body: { token, password }, headers: page });
  t.is(again.status, 401);
  t.is(again.body.code, 'link_void');
  const alice = await site.signIn({ name: 'ALICE', password });
  t.like((await me(alice)).body, { name: 'alice', role: 'operator', via: 'password' });
});

test.serial('a link is void two hours after it was made, and when another is made', async (t) => {
  const old = await site.invite('carol', 'viewer');
  const run = await runCli(cliEnv, ['operator', 'link', 'carol', '--json']);
  const token = (run.json.link as string).split('#token=')[1] ?? '';
  noteSecret('link to set a password', token);
  const set = (secret: string) =>
    api('POST', '/password', { body: { token: secret, password: newPassword() }, headers: page });
  t.is((await set(old)).body.code, 'link_void');
  await database.query(
    "update cWaferOperator set link_until = utc_timestamp() + interval 8 hour - interval 1 second where name = 'carol'",
  );
  t.is((await set(token)).body.code, 'link_void');
  t.is((await set('nonsense')).body.code, 'link_void');
});

test.serial('passwords that are short, common, or the name itself are refused with the reason', async (t) => {
  const token = await site.invite('dave.longname', 'viewer');
  for (const password of ['short-one', 'password1234', 'qwertyuiopasdf', 'dave.longname1', 'aaaaaaaaaaaaaaaa']) {
    const answer = await api('POST', '/password', { body: { token, password }, headers: page });
    t.is(answer.status, 400, password);
    t.is(answer.body.code, 'password_weak', password);
  }
  t.is((await api('POST', '/password', { body: { token, password: newPassword() }, headers: page })).status, 204);
});

test.serial('MySQL holds hashes of passwords, links and tokens, and nothing that opens', async (t) => {
  const person = await site.signIn('viewer');
  const token = await site.token('viewer');
  const invited = await site.invite('erin', 'viewer');
  const rows = JSON.stringify(await database.query('select * from cWaferOperator'));
  const [, cookie = ''] = person.headers['Cookie']?.split('=') ?? [];
  for (const secret of [person.password, token, invited, cookie]) {
    t.true(secret.length > 20);
    t.false(rows.includes(secret));
  }
  const [row] = await database.query<{ hash: string }>(
    'select password_hash as hash from cWaferOperator where name = ?',
    [person.name],
  );
  t.regex(row?.hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test.serial('a program that signs in as a person does is told that it need not', async (t) => {
  const { name, password } = await site.person('viewer');
  const answer = await api('POST', '/sign-in', { as: await site.token('viewer'), body: { name, password } });
  t.deepEqual([answer.status, answer.body.code], [409, 'not_a_person']);
  t.is(answer.headers.get('set-cookie'), null);
});

test.serial('the cookie is for this host’s pages alone, and for no script', async (t) => {
  const person = await site.person('viewer');
  const answer = await trySignIn(person.name, person.password);
  const [cookie = ''] = answer.headers.getSetCookie().slice(-1);
  t.regex(cookie, /^wafer-console=[\w-]{43}; path=\/; samesite=strict; httponly$/i);
  const secure = await site.addConsole({ CONSOLE_URL: 'https://console.example.com' });
  const behindTls = await api('POST', '/sign-in', {
    url: secure,
    body: person,
    headers: { ...from(newAddress()), Origin: 'https://console.example.com' },
  });
  t.is(behindTls.status, 204);
  const [secureCookie = ''] = behindTls.headers.getSetCookie().slice(-1);
  t.regex(secureCookie, /^__Host-wafer-console=[\w-]{43}; path=\/; samesite=strict; secure; httponly$/i);
  t.regex(behindTls.headers.get('strict-transport-security') ?? '', /max-age=31536000/);
});

test.serial('each sign-in makes a new id; the one that came with it is void', async (t) => {
  const person = await site.person('viewer');
  const first = await site.signIn(person);
  const again = await api('POST', '/sign-in', {
    body: { name: person.name, password: person.password },
    headers: { ...from(newAddress()), Cookie: first.headers['Cookie'] as string },
  });
  t.is(again.status, 204);
  t.not(cookieOf(again), first.headers['Cookie']);
  t.is((await me(first)).status, 401);
  const given = `wafer-console=${'A'.repeat(43)}`;
  const fixed = await api('POST', '/sign-in', {
    body: { name: person.name, password: person.password },
    headers: { ...from(newAddress()), Cookie: given },
  });
  t.not(cookieOf(fixed), given);
  t.is((await api('GET', '/me', { headers: { Cookie: given } })).status, 401);
});

test.serial('sign-out ends a sign-in for good, in another process too', async (t) => {
  const person = await site.signIn('viewer');
  const neighbour = await site.addConsole();
  t.is((await api('GET', '/me', { as: person, url: neighbour })).status, 200);
  t.is((await api('DELETE', '/sign-in', { as: person })).status, 204);
  t.is((await me(person)).status, 401);
  t.is((await api('GET', '/me', { as: person, url: neighbour })).status, 401);
});

test.serial('people see where they are signed in, and end one of those', async (t) => {
  const person = await site.person('viewer');
  const one = await site.signIn(person);
  const other = await site.signIn(person);
  const list = await api('GET', '/me/sign-ins', { as: one });
  t.is(list.body.items.length, 2);
  t.is(list.body.items.filter(({ isThis }: { isThis: boolean }) => isThis).length, 1);
  t.false(list.text.includes((one.headers['Cookie'] as string).split('=')[1] as string));
  const { id } = list.body.items.find(({ isThis }: { isThis: boolean }) => !isThis);
  const stranger = await site.signIn('admin');
  t.is((await api('DELETE', `/me/sign-ins/${id}`, { as: stranger })).status, 404, 'nobody ends another’s');
  t.is((await api('DELETE', `/me/sign-ins/${id}`, { as: one })).status, 204);
  t.is((await me(other)).status, 401);
  t.is((await me(one)).status, 200);
});

test.serial('disabling, removing or another role counts from the next request', async (t) => {
  const admin = await site.signIn('admin');
  const person = await site.signIn('operator');
  const change = (body: object) =>
    api('PATCH', `/operators/${person.name}`, { as: admin, body: { ...body, ...confirmOf(admin) } });
  t.is((await me(person)).body.role, 'operator');
  t.is((await change({ role: 'viewer' })).status, 200);
  t.is((await me(person)).status, 401, 'another role needs another sign-in');
  const again = await site.signIn(person);
  t.is((await me(again)).body.role, 'viewer');
  t.is((await change({ isDisabled: true })).status, 200);
  t.is((await me(again)).status, 401);
  t.is((await trySignIn(person.name, person.password)).body.code, 'credentials_wrong');
  t.is((await change({ isDisabled: false })).status, 200);
  t.is((await me(again)).status, 401, 'what was ended stays so');
  const third = await site.signIn(person);
  t.is((await api('DELETE', `/operators/${person.name}`, { as: admin })).status, 204);
  t.is((await me(third)).status, 401);
  await site.invite(person.name, 'admin');
  t.is((await me(third)).status, 401, 'nor is it of somebody who is called the same');
});

test.serial('whose rights end while the body of a request comes changes nothing by it', async (t) => {
  const admin = await site.signIn('admin');
  const change = (name: string, body: object) =>
    api('PATCH', `/operators/${name}`, { as: admin, body: { ...body, ...confirmOf(admin) } });
  const ends: Readonly<Record<string, (person: SignedIn) => Promise<Answer>>> = {
    'another role': ({ name }) => change(name, { role: 'operator' }),
    disabled: ({ name }) => change(name, { isDisabled: true }),
    removed: ({ name }) => api('DELETE', `/operators/${name}`, { as: admin }),
    'signed out': (person) => api('DELETE', '/sign-in', { as: person }),
  };
  for (const [how, end] of Object.entries(ends)) {
    const person = await site.signIn('admin');
    const name = `heir-${randomBytes(4).toString('hex')}`;
    const held = await holdBody(JSON.stringify({ name, role: 'admin', ...confirmOf(person) }), person);
    t.true((await end(person)).status < 300, how);
    t.is(await held.send(), 401, how);
    t.deepEqual(await database.query('select id from cWaferOperator where name = ?', [name]), [], how);
  }
});

test.serial('a password that is set by a link meanwhile stays', async (t) => {
  const person = await site.signIn('viewer');
  const hashOf = async () =>
    (await database.query('select password_hash as hash from cWaferOperator where name = ?', [person.name]))[0];
  const before = await hashOf();
  let ending: Promise<unknown> | undefined;
  const stop = database.watchStatements((text) => {
    // The old one is looked at; the new one is stored when both were hashed. Meanwhile all sign-ins end, as by a link.
    if (text.includes('password_hash as hash'))
      ending ??= database.query('update cWaferOperator set sign_ins = sign_ins + 1 where name = ?', [person.name]);
  });
  const body = { old: person.password, new: newPassword() };
  const answer = await api('PUT', '/me/password', { as: person, body });
  stop();
  await ending;
  t.is(answer.status, 401);
  t.deepEqual(await hashOf(), before);
});

/** Ends a sign-in by SQL when the first statement with `words` that a request of it causes waits for the row of its operator. */
async function endDuring(signIn: SignedIn, words: string, ask: () => Promise<Answer>): Promise<Answer> {
  const { items } = (await api('GET', '/me/sign-ins', { as: signIn })).body;
  const { id } = items.find(({ isThis }: { isThis: boolean }) => isThis);
  const lock = await createConnection({ uri: database.adminUrl, database: database.name });
  onClose(() => lock.end());
  await lock.query('begin');
  await lock.query('select id from cWaferOperator where name = ? for update', [signIn.name]);
  let tell = () => {};
  const isWriting = new Promise<void>((resolve) => (tell = resolve));
  const stop = database.watchStatements((text) => text.includes(words) && tell());
  const asking = ask();
  await isWriting;
  stop();
  await lock.query("update cWaferOperator set sign_in_ids = replace(sign_in_ids, unhex(?), '') where name = ?", [
    id,
    signIn.name,
  ]);
  await lock.query('commit');
  return asking;
}

test.serial('a sign-in that is ended while it changes the password changes nothing', async (t) => {
  const person = await site.signIn('viewer');
  const elsewhere = await site.signIn(person);
  const hashOf = async () =>
    (await database.query('select password_hash as hash from cWaferOperator where name = ?', [person.name]))[0];
  const before = await hashOf();
  const body = { old: person.password, new: newPassword() };
  const answer = await endDuring(person, 'set password_hash', () => api('PUT', '/me/password', { as: person, body }));
  t.is(answer.status, 401);
  t.deepEqual(await hashOf(), before);
  const { headers } = person;
  const cookie = answer.headers.get('set-cookie') === null ? String(headers['Cookie']) : cookieOf(answer);
  t.is((await me({ ...person, headers: { ...headers, Cookie: cookie } })).status, 401);
  t.is((await me(elsewhere)).status, 200);
});

test.serial('a sign-in that is ended while it switches codes on switches none on', async (t) => {
  const person = await site.signIn('viewer');
  const { password } = person;
  const { secret } = (await api('POST', '/me/totp', { as: person, body: { password } })).body as { secret: string };
  noteSecret('secret of codes', secret);
  const body = { code: new TOTP({ secret: Secret.fromBase32(secret) }).generate() };
  const answer = await endDuring(person, 'set totp_step', () => api('PUT', '/me/totp', { as: person, body }));
  t.is(answer.status, 401);
  t.is((await me(await site.signIn(person))).body.totp, false);
});

/** Adds a program by a request whose body stays away until `send`, once it is known who asks. */
async function holdBody(body: string, { headers }: SignedIn): Promise<{ send: () => Promise<number> }> {
  let isKnown = false;
  const stop = database.watchStatements((text) => (isKnown ||= text.includes('from cWaferOperator where id =')));
  const socket = await openSocket(url, onClose);
  const lines = {
    ...headers,
    Host: new URL(url).host,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /api/v1/operators/tokens HTTP/1.1\r\n${head.join('')}\r\n{`);
  await until('it is known who asks', () => isKnown);
  stop();
  return {
    async send() {
      const answered = once(socket, 'data');
      socket.write(body.slice(1));
      const [data] = (await answered) as [Buffer];
      return Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1]);
    },
  };
}

test.serial('a program’s token is void once it is disabled, removed, or over', async (t) => {
  const run = await runCli(cliEnv, ['operator', 'add', 'reports', '--token', '--days', '30', '--json']);
  const token = run.json.token as string;
  noteSecret('operator’s token', token);
  t.is((await me(token)).body.role, 'viewer');
  t.is((await runCli(cliEnv, ['operator', 'disable', 'reports'])).status, 0);
  t.is((await me(token)).body.code, 'token_unknown');
  t.is((await runCli(cliEnv, ['operator', 'enable', 'reports'])).status, 0);
  t.is((await me(token)).status, 200);
  await database.query("update cWaferOperator set token_until = '2020-01-01 00:00:00' where name = 'reports'");
  t.is((await me(token)).body.code, 'token_unknown');
  t.is((await runCli(cliEnv, ['operator', 'remove', 'reports'])).status, 0);
});

test.serial('nobody changes or removes themselves, so that the last admin stays', async (t) => {
  const admin = await site.signIn('admin');
  t.is(
    (await api('PATCH', `/operators/${admin.name}`, { as: admin, body: { role: 'viewer', ...confirmOf(admin) } })).body
      .code,
    'own_account',
  );
  t.is((await api('DELETE', `/operators/${admin.name.toUpperCase()}`, { as: admin })).body.code, 'own_account');
  const body = { withoutTotp: true, ...confirmOf(admin) };
  const link = (name: string) => api('POST', `/operators/${name}/link`, { as: admin, body });
  for (const name of [admin.name, admin.name.toUpperCase(), `%20${admin.name}%20`])
    t.is((await link(name)).body.code, 'own_account');
  const [row] = await database.query('select link_hash as link from cWaferOperator where name = ?', [admin.name]);
  t.is(row?.['link'], null);
});

test.serial('a new password needs the old one, and ends all other sign-ins', async (t) => {
  const person = await site.person('viewer');
  const here = await site.signIn(person);
  const elsewhere = await site.signIn(person);
  const change = (old: string, password: string) =>
    api('PUT', '/me/password', {
      as: here,
      body: { old, new: password },
      headers: { 'X-Forwarded-For': newAddress() },
    });
  t.is((await change('wrong', newPassword())).body.code, 'password_wrong');
  t.is((await change(person.password, 'short')).body.code, 'password_weak');
  const password = newPassword();
  const changed = await change(person.password, password);
  t.is(changed.status, 204);
  t.is((await me(here)).status, 401, 'the id of before');
  t.is((await me({ ...here, headers: { ...here.headers, Cookie: cookieOf(changed) } })).status, 200);
  t.is((await me(elsewhere)).status, 401);
  t.is((await trySignIn(person.name, person.password)).status, 401);
  t.is((await trySignIn(person.name, password)).status, 204);
});

test.serial('with codes switched on, a sign-in takes one, and each once', async (t) => {
  const person = await site.person('viewer');
  const here = await site.signIn(person);
  const prepare = (password: string) =>
    api('POST', '/me/totp', { as: here, body: { password }, headers: { 'X-Forwarded-For': newAddress() } });
  t.is((await prepare('wrong')).body.code, 'password_wrong');
  const { secret, uri } = (await prepare(person.password)).body as { secret: string; uri: string };
  noteSecret('secret of codes', secret);
  t.regex(uri, /^otpauth:\/\/totp\/wafer-session:/);
  const [row] = await database.query<{ secret: string }>(
    'select totp_secret as secret from cWaferOperator where name = ?',
    [person.name],
  );
  t.regex(row?.secret ?? '', /^wafer:1:/, 'encrypted with WAFER_KEYS');
  t.is((await trySignIn(person.name, person.password)).status, 204, 'not yet');
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  const at = (steps: number) => codes.generate({ timestamp: Date.now() + steps * 30_000 });
  const put = (code: string) =>
    api('PUT', '/me/totp', { as: here, body: { code }, headers: { 'X-Forwarded-For': newAddress() } });
  t.is((await put(at(-20))).body.code, 'totp_wrong');
  const first = at(-1);
  t.is((await put(first)).status, 204);
  t.is((await me(here)).body.totp, true);
  t.is((await trySignIn(person.name, person.password)).body.code, 'totp_required');
  t.is(
    (await trySignIn(person.name, 'wrong')).body.code,
    'credentials_wrong',
    'a code is asked of who knows the password',
  );
  t.is((await trySignIn(person.name, person.password, { totp: first })).body.code, 'totp_wrong', 'a code counts once');
  const code = at(0);
  t.is((await trySignIn(person.name, person.password, { totp: code })).status, 204);
  t.is((await trySignIn(person.name, person.password, { totp: code })).body.code, 'totp_wrong');
  const last = at(1);
  t.is(
    (await api('DELETE', '/me/totp', { as: here, body: { code: last }, headers: { 'X-Forwarded-For': newAddress() } }))
      .status,
    204,
  );
  t.is((await trySignIn(person.name, person.password)).status, 204);
});

test.serial('where a second factor is required, a password alone does nothing', async (t) => {
  const strict = await site.addConsole({ CONSOLE_REQUIRE_TOTP: 'true' });
  const admin = await site.signIn(await site.person('admin'), { url: strict });
  const ask = () => api('GET', '/operators', { as: admin, url: strict });
  const refused = await ask();
  t.is(refused.status, 403);
  t.is(refused.body.code, 'totp_needed');
  t.is((await api('GET', '/me', { as: admin, url: strict })).status, 200);
  const own = { as: admin, url: strict };
  const { body } = await api('POST', '/me/totp', { ...own, body: { password: admin.password } });
  const { secret } = body as { secret: string };
  noteSecret('secret of codes', secret);
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  const [before, code] = [Date.now() - 30_000, Date.now()].map((timestamp) => codes.generate({ timestamp }));
  t.is((await api('PUT', '/me/totp', { ...own, body: { code } })).status, 204);
  const older = await trySignIn(admin.name, admin.password, { totp: before as string });
  t.is(older.body.code, 'totp_wrong', 'nor does one of before that was not used');
  t.is((await ask()).status, 200);
  t.is((await api('GET', '/operators', { as: await site.token('admin'), url: strict })).status, 200, 'a program');
});

test.serial('secrets of codes are converted with all other values when keys are rotated', async (t) => {
  const person = await site.person('viewer');
  const here = await site.signIn(person);
  const { secret } = (await api('POST', '/me/totp', { as: here, body: { password: person.password } })).body as {
    secret: string;
  };
  noteSecret('secret of codes', secret);
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  const at = (steps: number) => codes.generate({ timestamp: Date.now() + steps * 30_000 });
  await api('PUT', '/me/totp', { as: here, body: { code: at(-1) } });
  const newKeys = `2:${randomBytes(32).toString('base64')},${keys}`;
  const run = await runCli({ ...cliEnv, WAFER_KEYS: newKeys }, ['keys', 'rotate', '--json']);
  t.is(run.json.secrets['1'], undefined, run.stderr);
  t.true(run.json.secrets['2'] > 0);
  const withoutKey = await trySignIn(person.name, person.password, { totp: at(0) });
  t.is(withoutKey.status, 503);
  t.is(withoutKey.body.code, 'key_missing');
  const renewed = await site.addConsole({ WAFER_KEYS: newKeys });
  t.truthy(await site.signIn(person, { totp: at(0), url: renewed }));
  const back = await runCli({ ...cliEnv, WAFER_KEYS: newKeys.split(',').toReversed().join(',') }, ['keys', 'rotate']);
  t.is(back.status, 0, back.stderr);
});

test.serial('a lost second factor goes once a new link is used, if an admin says so', async (t) => {
  const byConsole = async (name: string, withoutTotp: boolean) => {
    const as = await site.signIn('admin');
    const body = { withoutTotp, ...confirmOf(as) };
    return (await api('POST', `/operators/${name}/link`, { as, body })).body.link as string;
  };
  const byCommand = async (name: string, withoutTotp: boolean) => {
    const more = withoutTotp ? ['--without-totp'] : [];
    return (await runCli(cliEnv, ['operator', 'link', name, ...more, '--json'])).json.link as string;
  };
  for (const renew of [byConsole, byCommand]) {
    const person = await site.person('viewer');
    await database.query('update cWaferOperator set totp_on = 1, totp_secret = ? where name = ?', ['x', person.name]);
    const tokenOf = async (withoutTotp: boolean) => {
      const token = (await renew(person.name, withoutTotp)).split('#token=')[1] ?? '';
      noteSecret('link to set a password', token);
      return token;
    };
    const set = async (token: string) => {
      const password = newPassword();
      return { password, ...(await api('POST', '/password', { body: { token, password }, headers: page })) };
    };
    const replaced = await tokenOf(true);
    t.is((await trySignIn(person.name, person.password)).body.code, 'totp_required', 'a link that nobody has used');
    const plain = await tokenOf(false);
    t.is((await set(replaced)).body.code, 'link_void');
    t.is((await set(`without-totp.${plain}`)).body.code, 'link_void', 'no link does more than it was made for');
    const { password } = await set(plain);
    t.is((await trySignIn(person.name, password)).body.code, 'totp_required');
    const last = await set(await tokenOf(true));
    t.is(last.status, 204);
    t.is((await trySignIn(person.name, last.password)).status, 204);
  }
});

test.serial('after five wrong passwords a name waits, from that address alone', async (t) => {
  const person = await site.person('viewer');
  const address = newAddress();
  for (let count = 0; count < 5; count++)
    t.is((await trySignIn(person.name, 'wrong', { address })).body.code, 'credentials_wrong');
  const limited = await trySignIn(person.name, person.password, { address });
  t.is(limited.status, 429);
  t.is(limited.body.code, 'too_many_tries');
  t.true(Number(limited.headers.get('retry-after')) > 0);
  t.is((await trySignIn(person.name, person.password)).status, 204, 'from elsewhere');
});

test.serial('many tries at once are counted as many', async (t) => {
  const person = await site.person('viewer');
  const address = newAddress();
  const answers = await Promise.all(Array.from({ length: 20 }, () => trySignIn(person.name, 'wrong', { address })));
  t.is(answers.filter(({ status }) => status === 401).length, 5);
  t.is(answers.filter(({ status }) => status === 429).length, 15);
});

test.serial('codes that were wrong still count after the password alone was right', async (t) => {
  const person = await site.person('viewer');
  const here = await site.signIn(person);
  const { secret } = (await api('POST', '/me/totp', { as: here, body: { password: person.password } })).body as {
    secret: string;
  };
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  await api('PUT', '/me/totp', { as: here, body: { code: codes.generate() } });
  const address = newAddress();
  const wrong = codes.generate({ timestamp: Date.now() + 3_600_000 });
  for (let count = 0; count < 5; count++) {
    t.is((await trySignIn(person.name, person.password, { address, totp: wrong })).body.code, 'totp_wrong');
    if (count < 4) t.is((await trySignIn(person.name, person.password, { address })).body.code, 'totp_required');
  }
  t.is((await trySignIn(person.name, person.password, { address, totp: wrong })).status, 429);
});

test.serial('five wrong codes are five, whatever else is right in between', async (t) => {
  const person = await site.person('admin');
  const here = await site.signIn(person);
  const { secret } = (await api('POST', '/me/totp', { as: here, body: { password: person.password } })).body as {
    secret: string;
  };
  noteSecret('secret of codes', secret);
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  await api('PUT', '/me/totp', { as: here, body: { code: codes.generate() } });
  const wrong = codes.generate({ timestamp: Date.now() + 3_600_000 });
  let { password } = person;
  let asked = here;
  const headers = { 'X-Forwarded-For': newAddress() };
  const ask = (method: string, path: string, body: unknown) => api(method, path, { as: asked, headers, body });
  const changePassword = async () => {
    const before = password;
    password = newPassword();
    const changed = await ask('PUT', '/me/password', { old: before, new: password });
    asked = { ...asked, headers: { ...asked.headers, Cookie: cookieOf(changed) } };
    return changed;
  };
  for (let count = 0; count < 5; count++) {
    t.is((await ask('DELETE', '/me/totp', { code: wrong })).body.code, 'totp_wrong', String(count));
    if (count === 1) t.is((await ask('POST', '/me/totp', { password })).body.code, 'totp_is_on');
    if (count === 3) t.is((await changePassword()).status, 204);
  }
  t.is((await ask('DELETE', '/me/totp', { code: wrong })).status, 429);
  t.is((await ask('POST', '/me/totp', { password })).status, 429);
});

test.serial('five wrong passwords are five, whatever code is right in between', async (t) => {
  const person = await site.person('viewer');
  const here = await site.signIn(person);
  const { secret } = (await api('POST', '/me/totp', { as: here, body: { password: person.password } })).body as {
    secret: string;
  };
  noteSecret('secret of codes', secret);
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  const headers = { 'X-Forwarded-For': newAddress() };
  const ask = (method: string, path: string, body: unknown) => api(method, path, { as: here, headers, body });
  const at = (steps: number) => codes.generate({ timestamp: Date.now() + steps * 30_000 });
  for (let count = 0; count < 5; count++) {
    const guess = { old: 'wrong', new: newPassword() };
    t.is((await ask('PUT', '/me/password', guess)).body.code, 'password_wrong', String(count));
    if (count === 1) t.is((await ask('PUT', '/me/totp', { code: at(-1) })).status, 204);
    if (count === 3) t.is((await ask('DELETE', '/me/totp', { code: at(1) })).status, 204);
  }
  t.is((await ask('PUT', '/me/password', { old: person.password, new: newPassword() })).status, 429);
});

test.serial('a name that nobody has is answered as a wrong password is, and limited alike', async (t) => {
  const person = await site.person('viewer');
  const strip = ({ status, body }: Answer) => ({ status, ...body, requestId: undefined });
  const known = await trySignIn(person.name, 'wrong');
  const unknown = await trySignIn('nobody-at-all', 'wrong');
  t.deepEqual(strip(unknown), strip(known));
  t.deepEqual([...unknown.headers.keys()].toSorted(), [...known.headers.keys()].toSorted());
  const address = newAddress();
  for (let count = 0; count < 5; count++) await trySignIn('nobody-at-all', 'wrong', { address });
  t.is((await trySignIn('nobody-at-all', 'wrong', { address })).status, 429);
});

test.serial('what forwards without being trusted is not believed', async (t) => {
  const untrusting = await site.addConsole({ TRUSTED_PROXIES: '192.0.2.1' });
  const answers = [];
  for (let count = 0; count < 6; count++)
    answers.push(
      await api('POST', '/sign-in', {
        url: untrusting,
        body: { name: 'spoofed', password: 'wrong' },
        headers: { ...pageHeaders(untrusting), 'X-Forwarded-For': newAddress() },
      }),
    );
  t.deepEqual(
    answers.map(({ status }) => status),
    [401, 401, 401, 401, 401, 429],
  );
});

test.serial('a sign-in that somebody writes into Redis, or copies there, is none', async (t) => {
  const admin = await site.signIn('admin');
  const secret = randomBytes(32).toString('base64url');
  const keyOf = (text: string) => `wafer:console:sign-in:${createHash('sha256').update(text).digest('hex')}`;
  const own = keyOf((admin.headers['Cookie'] as string).split('=')[1] as string);
  const sealed = (await redis.get(own)) as string;
  const ask = () => api('GET', '/me', { headers: { Cookie: `wafer-console=${secret}` } });
  t.false(sealed.includes('operatorId'));
  await redis.set(keyOf(secret), sealed);
  t.is((await ask()).status, 401, 'a copy');
  const at = Date.now();
  const made = { operatorId: 1, signIns: 1, via: 'password', at, seenAt: at, from: '', agent: '' };
  await redis.set(keyOf(secret), JSON.stringify(made));
  t.is((await ask()).status, 401, 'one of his own');
  t.is((await me(admin)).status, 200);
});

test.serial('what changes is in the audit log with who and from where', async (t) => {
  const admin = await site.signIn('admin');
  const name = `audited-${randomBytes(4).toString('hex')}`;
  await api('POST', '/operators', {
    as: admin,
    body: { name, role: 'viewer', ...confirmOf(admin) },
    headers: { 'X-Forwarded-For': '198.51.100.7' },
  });
  const [row] = await database.query('select * from cWaferAudit where target = ?', [name]);
  t.like(row, { action: 'operator add', os_user: 'console', host: '198.51.100.7', by_name: `operator ${admin.name}` });
});

test.serial('what people do is counted for Prometheus, in as many series as there are routes', async (t) => {
  const read = async (at = url, headers: Record<string, string> = {}) => {
    const response = await fetch(`${at}/metrics`, { headers });
    return { status: response.status, text: await response.text() };
  };
  const person = await site.person('viewer');
  await trySignIn(person.name, 'wrong');
  await trySignIn(person.name, person.password);
  for (const path of ['/none', `/none-${randomBytes(8).toString('hex')}`])
    t.is((await api('GET', path, { as: await site.token('viewer') })).status, 404);
  const { status, text } = await read();
  t.is(status, 200);
  t.regex(text, /^wafer_console_sign_ins_total\{way="password",outcome="credentials_wrong"\} [1-9]\d*$/m);
  t.regex(text, /^wafer_console_sign_ins_total\{way="password",outcome="succeeded"\} [1-9]\d*$/m);
  t.regex(text, /^wafer_console_sign_ins_total\{way="oidc",outcome="oidc_no_role"\} 0$/m);
  t.regex(text, /^wafer_console_requests_total\{route="signIn",status="204"\} [1-9]\d*$/m);
  t.regex(text, /^wafer_console_requests_total\{route="other",status="404"\} [1-9]\d*$/m);
  t.false(text.includes('none'));
  t.regex(text, /^wafer_build_info\{role="console",version="[\d.]+",node="[\d.]+"\} 1$/m);
  t.regex(text, /^nodejs_eventloop_lag_p99_seconds\{role="console"\} /m);
  t.is((await findMetricFaults(text)) ?? '', '');

  const open = async () =>
    / (\d+)$/.exec(/^wafer_console_streams_open\{route="watchNow"\} \d+$/m.exec((await read()).text)?.[0] ?? '')?.[1];
  t.is(await open(), '0');
  const leaving = new AbortController();
  await fetch(`${url}/api/v1/now/stream`, {
    headers: { Authorization: `Bearer ${await site.token('viewer')}` },
    signal: leaving.signal,
  });
  await until('it is open', async () => (await open()) === '1');
  leaving.abort();
  await until('it is closed', async () => (await open()) === '0');

  const guarded = await site.addConsole({ METRICS_CLIENTS: '198.51.100.7' });
  t.is((await read(guarded)).status, 403);
  t.is((await read(guarded, { 'X-Forwarded-For': '198.51.100.7' })).status, 200);
});

test.serial('the doctor looks for a console where somebody may use one', async (t) => {
  const check = (more: Record<string, string> = {}) =>
    withRedis({ ...cliEnv, ...more }, (opened) => checkConsole(opened, readConfig(cliEnv).database));
  await until('it has announced itself', async () => /^\d+ consoles? alive$/.test((await check())[0]?.found ?? ''));
  t.is((await check())[0]?.state, 'ok');
  // Where none has ever been.
  const elsewhere = { REDIS_URL: `${site.redis.url}/5` };
  const [missing] = await check(elsewhere);
  t.like(missing, { check: 'processes.console', state: 'warning', cause: 'no_console' });
  t.regex(missing?.found ?? '', /^no console is alive, and \d+ operators may use it$/);
  await redis.select(5);
  const gone = `console-${machineName}-4194305-0123abcd`;
  await redis.zadd('wafer:console:presence', Date.now() - 60_000, gone);
  const [died] = await check(elsewhere);
  t.like(died, { state: 'warning', cause: 'process_died' });
  t.true(died?.found.startsWith(gone));
});
