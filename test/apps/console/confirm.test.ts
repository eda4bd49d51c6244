import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Secret, TOTP } from 'otpauth';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole, type Asker, type SignedIn } from '../../support/console.ts';
import { openRedis } from '../../support/open-redis.ts';
import { noteSecret } from '../../support/traces.ts';

const keys = `1:${randomBytes(32).toString('base64')}`;
const onClose = closeAfterAll(test);
const site = await startTestConsole({ onClose, env: { WAFER_KEYS: keys, TRUSTED_PROXIES: '127.0.0.1' } });
const { api, database, url } = site;
const redis = openRedis(site.redis.url);
onClose(() => redis.disconnect());

let addresses = 0;
/** As from another address, so that no test is short of tries for those of another. */
const fromNewAddress = () => ({ 'X-Forwarded-For': `203.0.113.${++addresses}` });
const newName = () => `made-${randomBytes(4).toString('hex')}`;

/** An admin with a second factor on, and its codes by time steps from now: those up to -1 are used up. */
async function signInWithTotp(): Promise<{ admin: SignedIn; codeAt: (steps: number) => string }> {
  const admin = await site.signIn('admin');
  const { body } = await api('POST', '/me/totp', { as: admin, body: { password: admin.password } });
  noteSecret('secret of codes', body.secret);
  const codes = new TOTP({ secret: Secret.fromBase32(body.secret) });
  const startedAt = Date.now();
  const codeAt = (steps: number) => codes.generate({ timestamp: startedAt + steps * 30_000 });
  const { status, text } = await api('PUT', '/me/totp', { as: admin, body: { code: codeAt(-1) } });
  if (status !== 204) throw new Error(text);
  return { admin, codeAt };
}

type Step = readonly [method: string, path: string, body: object];

/** All that gives rights or a way in, of people and programs that are there. */
async function prepareSteps(): Promise<readonly Step[]> {
  const [colleague, own, former] = await Promise.all([
    site.person('admin'),
    site.person('viewer'),
    site.person('admin'),
  ]);
  await database.query('update cWaferOperator set is_disabled = 1 where name = ?', [former.name]);
  return [
    ['POST', '/operators/tokens', { name: newName(), role: 'admin' }],
    ['POST', '/operators', { name: newName(), role: 'admin' }],
    ['POST', `/operators/${colleague.name}/link`, { withoutTotp: true }],
    ['PATCH', `/operators/${own.name}`, { role: 'admin' }],
    ['PATCH', `/operators/${former.name}`, { isDisabled: false }],
  ];
}
const take = async (steps: readonly Step[], as: Asker, more: object = {}) => {
  const answers = [];
  for (const [method, path, body] of steps)
    answers.push(await api(method, path, { as, body: { ...body, ...more }, headers: fromNewAddress() }));
  return answers;
};
const codesOf = (answers: Awaited<ReturnType<typeof take>>) =>
  answers.map(({ status, body }) => (status < 300 ? status : `${status} ${body.code}`));
/** All that is known of everybody, and of what was done. */
const readAll = async () => ({
  operators: await database.query('select * from cWaferOperator order by id'),
  audit: await database.query('select * from cWaferAudit order by id'),
});
const all = <Value>(steps: readonly Step[], value: Value) => steps.map(() => value);

test.serial('who has an admin’s cookie alone gives nobody rights, and themselves no way in', async (t) => {
  const { admin: victim } = await signInWithTotp();
  const plain = await site.signIn('admin');
  const steps = await prepareSteps();
  const before = await readAll();
  t.deepEqual(codesOf(await take(steps, victim)), all(steps, '403 confirmation_required'));
  t.deepEqual(codesOf(await take(steps, plain)), all(steps, '403 confirmation_required'));
  const guess = { confirm: { password: 'a guess', totp: '000000' } };
  t.deepEqual(codesOf(await take(steps, plain, guess)), all(steps, '403 password_wrong'));
  t.deepEqual(codesOf(await take(steps, victim, guess)), all(steps, '403 password_wrong'));
  t.deepEqual(await readAll(), before);
});

test.serial('a program gives nobody rights in the console, and keeps what else an admin may', async (t) => {
  const token = await site.token('admin');
  const { password } = await site.person('admin');
  const steps = await prepareSteps();
  const before = await readAll();
  t.deepEqual(codesOf(await take(steps, token)), all(steps, '403 persons_only'));
  t.deepEqual(codesOf(await take(steps, token, { confirm: { password } })), all(steps, '403 persons_only'));
  t.deepEqual(await readAll(), before);
  const { name } = await site.person('viewer');
  t.is((await api('PATCH', `/operators/${name}`, { as: token, body: { isDisabled: true } })).status, 200);
  t.is((await api('DELETE', `/operators/${name}`, { as: token })).status, 204);
  t.is((await api('PUT', '/apps/wx0123456789abcdef', { as: token, body: { secret: 'x'.repeat(32) } })).status, 200);
});

test.serial('with their own password alone an admin gives rights, not with somebody else’s', async (t) => {
  const admin = await site.signIn('admin');
  const steps = await prepareSteps();
  const { password } = await site.person('admin');
  t.deepEqual(codesOf(await take(steps, admin, { confirm: { password } })), all(steps, '403 password_wrong'));
  const answers = await take(steps, admin, { confirm: { password: admin.password } });
  t.deepEqual(codesOf(answers), [201, 201, 200, 200, 200]);
  const [program, , renewed] = answers;
  noteSecret('operator’s token', program?.body.token);
  t.is((await api('GET', '/me', { as: program?.body.token as string })).body.role, 'admin');
  const token = String(renewed?.body.link).split('#token=')[1];
  noteSecret('link to set a password', token);
  const chosen = randomBytes(18).toString('base64');
  noteSecret('operator’s password', chosen);
  const set = await api('POST', '/password', { body: { token, password: chosen }, headers: pageHeaders(url) });
  t.is(set.status, 204);
});

test.serial('a wrong password for giving rights counts as a try at a sign-in does', async (t) => {
  const admin = await site.signIn('admin');
  const headers = fromNewAddress();
  const confirm = (password: string) =>
    api('POST', '/operators', { as: admin, headers, body: { name: newName(), role: 'viewer', confirm: { password } } });
  const signIn = (password: string) =>
    api('POST', '/sign-in', { body: { name: admin.name, password }, headers: { ...pageHeaders(url), ...headers } });
  for (let count = 0; count < 3; count++) t.is((await confirm('wrong')).body.code, 'password_wrong');
  for (let count = 0; count < 2; count++) t.is((await signIn('wrong')).body.code, 'credentials_wrong');
  const limited = await confirm(admin.password);
  t.deepEqual([limited.status, limited.body.code], [429, 'too_many_tries']);
  t.true(Number(limited.headers.get('retry-after')) > 0);
  t.is((await signIn(admin.password)).status, 429);
});

test.serial('with a second factor on, giving rights wants a code too, and each counts once', async (t) => {
  const { admin, codeAt } = await signInWithTotp();
  const add = (confirm?: object) =>
    api('POST', '/operators', {
      as: admin,
      headers: fromNewAddress(),
      body: { name: newName(), role: 'viewer', confirm },
    });
  const { password } = admin;
  t.is((await add({ password })).body.code, 'confirmation_required');
  t.is((await add({ password: 'wrong' })).body.code, 'confirmation_required', 'of a password alone nothing is told');
  t.is((await add({ password, totp: codeAt(-20) })).body.code, 'totp_wrong');
  t.is((await add({ password: 'wrong', totp: codeAt(0) })).body.code, 'password_wrong');
  t.is((await add({ password, totp: codeAt(0) })).status, 201, 'a code that came with a wrong password is good still');
  t.is((await add({ password, totp: codeAt(0) })).body.code, 'totp_wrong');
  t.is((await add({ password, totp: codeAt(1) })).status, 201);
  t.is((await add({ password, totp: codeAt(1) })).body.code, 'totp_wrong');
});

test.serial('five wrong codes for giving rights are five, whatever is left out in between', async (t) => {
  const { admin, codeAt } = await signInWithTotp();
  const headers = fromNewAddress();
  const add = (confirm: object) =>
    api('POST', '/operators/tokens', { as: admin, headers, body: { name: newName(), role: 'viewer', confirm } });
  const { password } = admin;
  for (let count = 0; count < 5; count++) {
    t.is((await add({ password })).body.code, 'confirmation_required', 'which is no try');
    t.is((await add({ password, totp: codeAt(-20) })).body.code, 'totp_wrong', String(count));
  }
  t.is((await add({ password, totp: codeAt(0) })).status, 429);
});

test.serial('a link is shown once more for its Idempotency-Key to who confirms once more', async (t) => {
  const { admin, codeAt } = await signInWithTotp();
  const { name } = await site.person('viewer');
  const { password } = admin;
  const key = randomBytes(8).toString('hex');
  const send = (confirm?: object, more: object = {}) =>
    api('POST', `/operators/${name}/link`, {
      as: admin,
      headers: { 'Idempotency-Key': key, ...fromNewAddress() },
      body: { ...more, confirm },
    });
  const first = await send({ password, totp: codeAt(0) });
  t.is(first.status, 200);
  const secret = (first.body.link as string).split('#token=')[1] as string;
  noteSecret('link to set a password', secret);
  for (const confirm of [undefined, { password: 'wrong', totp: codeAt(1) }, { password, totp: codeAt(0) }]) {
    const refused = await send(confirm);
    t.is(refused.status, 403);
    t.false(refused.text.includes(secret));
  }
  const kept = await redis.keys('wafer:console:done:*');
  t.true(kept.length > 0);
  for (const stored of await redis.mget(kept))
    for (const text of [stored, Buffer.from(stored ?? '', 'base64').toString('latin1')])
      t.false([password, secret, name].some((plain) => text?.includes(plain)));
  const again = await send({ password, totp: codeAt(1) });
  t.is(again.headers.get('idempotency-replayed'), 'true', 'what is kept of the request has no password and no code');
  t.is(again.body.link, first.body.link);
});

test.serial('whose sign-ins end while they confirm gives nobody rights', async (t) => {
  const admin = await site.signIn('admin');
  const name = newName();
  let ending: Promise<unknown> | undefined;
  const stop = database.watchStatements((text) => {
    // The password is looked at. Meanwhile all sign-ins end, as by a link.
    if (text.includes('password_hash as hash'))
      ending ??= database.query('update cWaferOperator set sign_ins = sign_ins + 1 where name = ?', [admin.name]);
  });
  const body = { name, role: 'admin', confirm: { password: admin.password } };
  const answer = await api('POST', '/operators/tokens', { as: admin, body });
  stop();
  await ending;
  t.is(answer.status, 401);
  t.deepEqual(await database.query('select id from cWaferOperator where name = ?', [name]), []);
});
