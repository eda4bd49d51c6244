import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { Secret, TOTP } from 'otpauth';
import type { BrowserContextOptions, Page, Response } from 'playwright-core';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { createUser } from '../../../apps/wechat-simulator/users.ts';
import { findAxeFaults, startBrowser, takePicture } from '../../support/browser.ts';
import { auth, login, newUser } from '../../support/client.ts';
import { withClockAhead } from '../../support/clock-ahead.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestConsole } from '../../support/console.ts';
import { startEventReceiver } from '../../support/event-receiver.ts';
import { startIdentityProvider } from '../../support/identity-provider.ts';
import { patience } from '../../support/machine-load.ts';
import { startStack, testAppid } from '../../support/stack.ts';
import { noteSecret } from '../../support/traces.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const keys = `1:${randomBytes(32).toString('base64')}`;
const stack = await startStack({ onClose, env: { EVENTS_PRIVATE_TARGETS: '127.0.0.1', WAFER_KEYS: keys } });
// For a browser another site than the console, as the company's would be.
const identityProvider = await startIdentityProvider(onClose, 'localhost');
const env = { ...identityProvider.env, CONSOLE_PORT: String(await findFreePort()) };
const site = await startTestConsole({ onClose, stack, env });
identityProvider.serve(site.url);
await storeSamples();
const browser = await startBrowser(onClose);
const admin = await site.person('admin');
const viewer = await site.person('viewer');

/** What a browser says that should not happen: refusals by the policy, scripts that fail, requests to other hosts. */
const complaints: string[] = [];

/** @param mayLeave whether it may ask other hosts */
async function openPage(options: BrowserContextOptions = {}, mayLeave = false): Promise<Page> {
  const context = await browser.newContext({
    baseURL: site.url,
    locale: 'en-GB',
    viewport: { width: 1360, height: 860 },
    ...options,
  });
  context.setDefaultTimeout(20_000 * patience());
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    // An answer that is no success is told by the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  context.on('request', (request) => {
    if (!mayLeave && new URL(request.url()).host !== new URL(site.url).host)
      complaints.push(`request to ${request.url()}`);
  });
  return context.newPage();
}

async function signIn(page: Page, { name, password }: typeof admin): Promise<void> {
  await page.fill('input[name=username]', name);
  await page.fill('input[name=password]', password);
  await page.click('[data-test=sign-in]');
  await page.waitForSelector('main#main');
}

async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.waitForSelector('h1');
  await page.waitForSelector('[data-test=loading]', { state: 'detached' });
}

/** In turn, since all have one browser; whatever it waits for, it has an end. */
function drive(title: string, steps: (t: ExecutionContext) => Promise<void> | void): void {
  test.serial(title, async (t) => {
    t.timeout(Math.min(60_000 * patience(), 240_000), 'the browser waits in vain');
    await steps(t);
  });
}

/** Every page but those that need something in their address. */
const paths = '/ /sessions /queues /doctor /apps /callers /keys /events /operators /audit /person /account /none'.split(
  ' ',
);

const page = await openPage();
const loaded: Promise<number>[] = [];
const weigh = (response: Response) => {
  // The live figures have no end.
  if (response.request().resourceType() === 'eventsource') return;
  const sizes = response.request().sizes();
  loaded.push(sizes.then(({ responseBodySize }) => responseBodySize).catch(() => 0));
};

/** An hour of figures, so that there is something to draw. */
async function storeSamples(): Promise<void> {
  const minutes = 60;
  for (let ago = minutes; ago > 0; ago--) {
    const wave = Math.round(2400 + 700 * Math.sin(ago / 9) + 180 * Math.sin(ago * 1.7));
    const failed = ago > 24 && ago < 28 ? 320 : 2;
    const slow = Math.round(wave * (failed > 2 ? 0.3 : 0.03));
    const more = {
      stages: {
        queued: { 0.002: wave },
        wechat: { 0.1: wave - slow, 0.25: slow },
        mysql: { 0.005: wave },
        total: { 0.1: wave - slow, 0.25: slow },
      },
    };
    await site.database.query(
      `insert into cWaferSample (appid, at, seconds, logins_ok, logins_refused, logins_failed, checks_ok, checks_refused, more)
       values ('', utc_timestamp() + interval 8 hour - interval ? minute, 60, ?, 40, ?, ?, 300, ?)`,
      [ago, wave, failed, wave * 41, JSON.stringify(more)],
    );
  }
}

drive('whoever is not signed in is asked to, and a wrong password is told', async (t) => {
  page.on('response', weigh);
  await page.goto('/audit');
  await page.waitForSelector('input[name=username]');
  t.is(new URL(page.url()).pathname, '/sign-in');
  await page.fill('input[name=username]', admin.name);
  await page.fill('input[name=password]', 'not the right one');
  await page.click('[data-test=sign-in]');
  t.regex(await page.innerText('[role=alert]'), /Name or password is wrong/);
});

drive('a person signs in by password and comes to where they wanted to go', async (t) => {
  await signIn(page, admin);
  t.is(new URL(page.url()).pathname, '/audit');
  await page.click('nav a[href="/"]');
  await page.waitForSelector('canvas');
  t.is(await page.innerText('h1'), 'Now');
});

drive('the first load has 500 kB at most, compressed, with the live page and its charts', async (t) => {
  page.off('response', weigh);
  const bytes = (await Promise.all(loaded)).reduce((sum, each) => sum + each, 0);
  t.true(bytes > 100_000, `nothing was weighed: ${bytes}`);
  t.true(bytes <= 500_000, `${bytes} bytes`);
  t.log(`${(bytes / 1000).toFixed(0)} kB`);
});

drive('log-ins and checks are seen as they happen', async (t) => {
  const [url] = stack.urls;
  const show = async (part: string) => page.innerText(`[data-test=${part}]`);
  const work = async () => {
    const { returnData: session } = await login(url, newUser());
    await auth(url, session);
  };
  await until('both are shown', async () => {
    await Promise.all(Array.from({ length: 5 }, work));
    return /[1-9]/.test(await show('logins')) && /[1-9]/.test(await show('checks'));
  });
  t.regex(await show('wechat'), /code2session/);
  t.regex(await show('processes'), /1 front end, 1 worker/);
  await takePicture(page, 'now');
});

drive('what a page asks for when nobody has touched it for a while it asks for as such', async (t) => {
  const page = await openPage();
  await page.goto('/');
  await signIn(page, viewer);
  await page.clock.install();
  await goTo(page, '/queues');
  const unattendedAfter = async (ms: number) => {
    await page.clock.fastForward(ms);
    const asked = page.waitForRequest('**/api/v1/queues');
    await page.clock.runFor(3000);
    return (await asked).headers()['x-wafer-unattended'];
  };
  t.is(await unattendedAfter(10_000), undefined);
  t.is(await unattendedAfter(30_000), '1');
  await page.mouse.move(20, 20);
  t.is(await unattendedAfter(0), undefined);
  await page.context().close();
});

drive('a session is found, and ends after it was said what that does', async (t) => {
  const [url] = stack.urls;
  const { returnData: session } = await login(url, newUser());
  const { openId } = (session as { user_info: { openId: string } }).user_info;
  await page.click('nav a[href="/sessions"]');
  await page.fill('input[name=person]', openId);
  await page.click('[data-test=search]');
  await page.waitForURL(/person=/);
  await until('it alone is left', async () => (await page.locator('tbody tr').count()) === 1);
  await takePicture(page, 'sessions');
  await page.click(`a:has-text("${openId}")`);
  await page.click('[data-test=end]');
  t.regex(await page.innerText('[data-test=effects]'), /Ends 1 session/);
  await takePicture(page, 'session-end');
  t.is((await auth(url, session)).returnCode, 0);
  await page.click('[data-test=carry-out]');
  await page.waitForSelector('[data-state=revoked]');
  t.is((await auth(url, session)).returnCode, 60012);
});

drive('a viewer sees a session and has no button to end it', async (t) => {
  const other = await openPage();
  await goTo(other, '/sessions');
  await signIn(other, viewer);
  await other.click('tbody a');
  await other.waitForSelector('[data-test=session-state]');
  t.is(await other.locator('[data-test=end]').count(), 0);
  await other.context().close();
});

drive('what is in plain text is encrypted with the first key, by a click', async (t) => {
  await page.click('nav a[href="/keys"]');
  await page.waitForSelector('tbody tr:has-text("plain text")');
  await page.click('[data-test=rotate]');
  t.regex(
    await page.innerText('[data-test=effects]'),
    /Encrypts what is in plain text or under an older key: 1 value /,
  );
  await page.click('[data-test=carry-out]');
  await page.waitForSelector('[data-rotation=done]');
  await page.waitForSelector('tbody tr:has-text("plain text")', { state: 'detached' });
  t.regex(await page.innerText('tbody'), /key 1/);
  const [app] = await site.database.query<{ secret: string }>('select secret from cAppinfo');
  t.regex(app?.secret ?? '', /^wafer:1:/);
});

drive('a person is erased for good, after their name was typed once more', async (t) => {
  const [url] = stack.urls;
  const user = newUser();
  const { returnData: session } = await login(url, user);
  const openId = createUser(testAppid, user).openid;
  await goTo(page, '/person');
  await page.fill('input[name=person]', openId);
  await page.click('[data-test=erase-person]');
  t.regex(await page.innerText('[data-test=effects]'), /Erases 1 session and everything else/);
  await page.fill('[data-test=typed]', openId.slice(1));
  t.true(await page.isDisabled('[data-test=carry-out]'));
  t.is((await auth(url, session)).returnCode, 0);
  await page.fill('[data-test=typed]', openId);
  await page.click('[data-test=carry-out]');
  await page.waitForSelector('[data-test=effects]', { state: 'detached' });
  t.is((await auth(url, session)).returnCode, 60012);
  t.deepEqual(await site.database.query('select id from cSessionInfo where open_id = ?', [openId]), []);
  t.is(await page.inputValue('input[name=person]'), '');
});

drive('an app gets a new secret, and its previous one stays good', async (t) => {
  const secret = randomBytes(16).toString('hex');
  noteSecret('app secret', secret);
  await page.click('nav a[href="/apps"]');
  await page.click(`[data-row=${testAppid}] [data-test=set-secret]`);
  await page.fill('input[name=app-secret]', secret);
  await page.click('[data-test=submit]');
  await until('both are there', async () => /and the previous/.test(await page.innerText(`[data-row=${testAppid}]`)));
  t.false((await page.content()).includes(secret));
});

drive('a caller is added, and its key is good at once and shown once', async (t) => {
  await page.click('nav a[href="/callers"]');
  await page.click('[data-test=add-caller]');
  await page.fill('input[name=caller-name]', 'shop');
  await page.click('[data-test=submit]');
  const path = await page.innerText('[data-test=once] code');
  noteSecret('caller key', path.split('/')[2]);
  const shop = `${stack.urls[0]}${path.replace('/mina_auth/', '')}`;
  const { returnData } = await login(shop, newUser());
  await page.click('[data-test=kept]');
  await page.waitForSelector('[data-row=shop]');
  const [session] = await site.database.query<{ id: number }>('select id from cSessionInfo where uuid = ?', [
    returnData.id,
  ]);
  await goTo(page, `/sessions/${session?.id}`);
  t.regex(await page.innerText('dl'), /Logged in by caller\s+shop/);
});

drive('an endpoint is added and told of a log-in; what it does not take is skipped, and sent again', async (t) => {
  const receiver = await startEventReceiver(onClose);
  await page.click('nav a[href="/events"]');
  await page.click('[data-test=add-endpoint]');
  await page.fill('input[name=endpoint-name]', 'crm');
  await page.fill('input[name=endpoint-url]', receiver.url);
  await page.click('[data-test=submit]');
  noteSecret('secret of an endpoint', await page.innerText('[data-test=once] code'));
  await page.click('[data-test=kept]');
  await page.waitForSelector('[data-row=crm]');
  await page.click('[data-test=test-endpoint]');
  await until('the test has come', () => receiver.deliveries.length === 1);
  receiver.answer = () => 503;
  await login(stack.urls[0], newUser());
  await until('it was refused', () => receiver.deliveries.length > 1);
  t.is(receiver.deliveries.at(-1)?.message.type, 'session.created');
  await until('others wait for it', async () => {
    await goTo(page, '/events');
    return (await page.locator('[data-test=skip]').count()) === 1;
  });
  t.regex(await page.innerText('[data-test=waiting]'), /session\.created[^]*http 503/);
  await takePicture(page, 'events-waiting');
  t.deepEqual(await findAxeFaults(page), []);
  await page.click('[data-test=skip]');
  t.regex(await page.innerText('[data-test=effects]'), /It is kept as a dead letter/);
  await page.click('[data-test=carry-out]');
  await page.waitForSelector('[data-test=replay]');
  t.is(await page.locator('[data-test=waiting]').count(), 0);
  await takePicture(page, 'events');
  receiver.answer = () => 204;
  const before = receiver.deliveries.length;
  await page.click('[data-test=replay]');
  await until('it has come', () => receiver.deliveries.length > before);
  await until('no dead letter is left', async () => {
    await goTo(page, '/events');
    return (await page.locator('[data-test=dead-letters] [data-test=empty]').count()) === 1;
  });
});

drive('the doctor tells its findings, an injected fault among them', async (t) => {
  await site.database.query('update cAppinfo set secret = ? where appid = ?', ['', testAppid]);
  await page.click('nav a[href="/doctor"]');
  await page.click('[data-test=run-doctor]');
  await page.waitForSelector('[data-finding=fault]');
  await until(
    'it has come to its end',
    async () => !/examining/.test(await page.innerText('[data-test=doctor-summary]')),
  );
  t.regex(await page.innerText('[data-finding=fault] >> nth=0'), /it has no secret/);
  await takePicture(page, 'doctor');
});

drive('the audit has what was done here, and who did it', async (t) => {
  await page.click('nav a[href="/audit"]');
  await page.fill('input[name=by]', admin.name);
  await page.click('form [type=submit]');
  await page.waitForURL(/by=/);
  await page.waitForSelector('tbody tr');
  const text = await page.innerText('tbody');
  for (const action of ['caller add', 'app set', 'session revoke']) t.true(text.includes(action), action);
});

drive('a person is added, whose link sets a password that signs in', async (t) => {
  await goTo(page, '/operators');
  await page.click('[data-test=add-operator]');
  await page.fill('input[name=operator-name]', 'vera');
  await page.fill('input[name=own-password]', 'not the right one');
  t.deepEqual(await findAxeFaults(page), []);
  await takePicture(page, 'operator-add');
  await page.click('[data-test=submit]');
  t.regex(await page.innerText('.el-dialog [role=alert]'), /The password is wrong/);
  await page.fill('input[name=own-password]', admin.password);
  await page.click('[data-test=submit]');
  const link = new URL(await page.innerText('[data-test=once] code'));
  noteSecret('link to set a password', link.hash.split('=')[1]);
  await page.click('[data-test=kept]');
  const vera = { name: 'vera', password: randomBytes(18).toString('base64') };
  noteSecret('operator’s password', vera.password);
  const other = await openPage();
  await other.goto(`${link.pathname}${link.hash}`);
  await other.fill('input[name=new-password]', vera.password);
  await other.fill('input[name=new-password-again]', vera.password);
  t.false(other.url().includes('token'));
  await other.click('[data-test=set-password]');
  await other.waitForSelector('input[name=username]');
  await signIn(other, vera);
  await goTo(other, '/operators');
  t.true(await other.isVisible('[data-test=no-permission]'));
  t.is(await other.locator('nav a[href="/operators"]').count(), 0);
  await other.context().close();
});

/** The row of somebody in the list of operators. */
const rowOf = (name: string, kind = 'person') => `tr[data-row="${kind} ${name}"]`;

drive('on the page another role, a link and letting in are given after one’s password', async (t) => {
  const { name } = await site.person('viewer');
  await goTo(page, '/operators');
  const row = rowOf(name);
  const confirm = async () => {
    t.deepEqual(await findAxeFaults(page), []);
    await page.fill('input[name=own-password]', admin.password);
    await page.click('[data-test=submit]');
  };
  await page.click(`${row} .role`);
  await page.click('.el-select-dropdown__item:visible:has-text("operator")');
  t.regex(await page.innerText('[data-test=effect]'), /From viewer to operator/);
  t.regex(await page.innerText(row), /viewer/, 'not yet');
  await confirm();
  await page.waitForSelector(`${row}:has-text("operator")`);
  await page.click(`${row} [data-test=disable]`);
  await page.click(`${row} [data-test=enable]`);
  await confirm();
  await page.waitForSelector(`${row}:has-text("may sign in")`);
  await page.click(`${row} [data-test=link]`);
  await confirm();
  const link = new URL(await page.innerText('[data-test=once] code'));
  noteSecret('link to set a password', link.hash.split('=')[1]);
  await page.click('[data-test=kept]');
  const [stored] = await site.database.query('select role, is_disabled as off from cWaferOperator where name = ?', [
    name,
  ]);
  t.like(stored, { role: 'operator', off: 0 });
});

drive('who signs in with a code gives rights with one too, in Chinese, by keyboard alone', async (t) => {
  const person = await site.person('admin');
  const as = await site.signIn(person);
  const { body } = await site.api('POST', '/me/totp', { as, body: { password: person.password } });
  noteSecret('secret of codes', body.secret);
  const codes = new TOTP({ secret: Secret.fromBase32(body.secret) });
  const codeAfter = (steps: number) => codes.generate({ timestamp: Date.now() + steps * 30_000 });
  t.is((await site.api('PUT', '/me/totp', { as, body: { code: codeAfter(-1) } })).status, 204);
  const other = await openPage({ locale: 'zh-CN' });
  const [cookie = '', value = ''] = as.headers['Cookie']?.split('=') ?? [];
  await other.context().addCookies([{ name: cookie, value, url: site.url }]);
  await goTo(other, '/operators');
  await other.focus('[data-test=add-token]');
  const { keyboard } = other;
  await keyboard.press('Enter');
  await other.focus('input[name=operator-name]');
  await keyboard.type('nightly');
  const fill = async (code: string) => {
    await until('the field of the code has the focus', async () => {
      await keyboard.press('Tab');
      return other.evaluate<boolean>('document.activeElement.name === "own-totp"');
    });
    await keyboard.type(code);
    await keyboard.press('Enter');
  };
  await keyboard.press('Tab');
  await keyboard.press('Tab');
  t.is(await other.evaluate('document.activeElement.name'), 'own-password');
  await keyboard.type(person.password);
  await fill(codeAfter(-20));
  await other.waitForSelector('.el-dialog [role=alert]:has-text("验证码不正确")');
  t.deepEqual(await findAxeFaults(other), []);
  t.is(await other.inputValue('input[name=own-totp]'), '', 'what was wrong is to be typed anew');
  await other.focus('input[name=own-password]');
  await fill(codeAfter(0));
  noteSecret('operator’s token', await other.innerText('[data-test=once] code'));
  await other.click('[data-test=kept]');
  await other.waitForSelector(rowOf('nightly', 'token'));
  await other.context().close();
});

drive('an authenticator is set up, and asked for its code at the next sign-in', async (t) => {
  const person = await site.person('viewer');
  const other = await openPage();
  await goTo(other, '/account');
  await signIn(other, person);
  await other.click('[data-test=change-totp]');
  await other.fill('.el-dialog input[name=password]', person.password);
  await other.click('[data-test=submit]');
  const secret = await other.innerText('.el-dialog code');
  noteSecret('secret of codes', secret);
  t.deepEqual(await findAxeFaults(other), []);
  const codes = new TOTP({ secret: Secret.fromBase32(secret) });
  // Each code is good once, and so is the one after it, whatever the clock does meanwhile.
  const codeAfter = (steps: number) => codes.generate({ timestamp: Date.now() + steps * 30_000 });
  await other.fill('input[name=totp]', codeAfter(0));
  await other.click('[data-test=submit]');
  await other.waitForSelector('.about .state-tag.good');
  await other.click('[data-test=sign-out]');
  await other.fill('input[name=username]', person.name);
  await other.fill('input[name=password]', person.password);
  await other.click('[data-test=sign-in]');
  await other.fill('input[name=totp]', codeAfter(-20));
  await other.click('[data-test=sign-in]');
  await other.waitForSelector('[role=alert]');
  await other.fill('input[name=totp]', codeAfter(1));
  await other.click('[data-test=sign-in]');
  await other.waitForSelector('main#main');
  await other.context().close();
});

drive('who signs in by the identity provider comes back to where they wanted to go', async (t) => {
  const { people, issuer } = identityProvider;
  people['olga'] = { preferred_username: 'olga', groups: ['staff'] };
  people['nora'] = { groups: ['others'] };
  const signInAs = async (name: string) => {
    const other = await openPage({}, true);
    // Its form wants letters of another host.
    await other.context().route(/^https:/, (route) => route.abort());
    await goTo(other, '/sessions');
    await other.click('[data-test=oidc]');
    await other.fill('input[name=login]', name);
    await other.fill('input[name=password]', 'any');
    t.is(new URL(other.url()).origin, issuer);
    await other.click('button[type=submit]');
    await other.click('button:has-text("Continue")');
    return other;
  };
  const refused = await signInAs('nora');
  t.regex(await refused.innerText('[role=alert]'), /role/);
  await refused.context().close();
  const other = await signInAs('olga');
  await other.waitForSelector('main#main');
  t.is(new URL(other.url()).pathname, '/sessions');
  await goTo(other, '/account');
  t.regex(await other.innerText('.about'), /olga/);
  t.is(await other.locator('[data-test=change-password]').count(), 0);
  await other.context().close();
});

drive('the provider asks again who gives rights later on, who comes back to what was filled in', async (t) => {
  const { people } = identityProvider;
  people['ulla'] = { preferred_username: 'ulla', groups: ['admins'] };
  const other = await openPage({}, true);
  await other.context().route(/^https:/, (route) => route.abort());
  const logIn = async () => {
    await other.fill('input[name=login]', 'ulla');
    await other.fill('input[name=password]', 'any');
    await other.click('button[type=submit]');
  };
  await goTo(other, '/operators');
  await other.click('[data-test=oidc]');
  await logIn();
  await other.click('button:has-text("Continue")');
  await other.waitForSelector('[data-test=add-operator]');
  await withClockAhead(301_000, async () => {
    await other.click('[data-test=add-operator]');
    await other.fill('input[name=operator-name]', 'willi');
    t.is(await other.locator('input[name=own-password]').count(), 0, 'of who has none');
    await other.click('[data-test=submit]');
    t.regex(await other.innerText('.el-dialog [role=alert]'), /Sign in once more/);
    t.deepEqual(await findAxeFaults(other), []);
    await other.click('[data-test=sign-in-again]');
    await logIn();
    await other.waitForSelector('[data-test=add-operator]');
    t.is(new URL(other.url()).pathname, '/operators');
    t.is(await other.inputValue('input[name=operator-name]'), 'willi');
    await other.click('[data-test=submit]');
    const link = new URL(await other.innerText('[data-test=once] code'));
    noteSecret('link to set a password', link.hash.split('=')[1]);
    await other.click('[data-test=kept]');
    await other.waitForSelector(rowOf('willi'));
    await other.reload();
    await other.waitForSelector(rowOf('willi'));
    t.is(await other.locator('.el-dialog').count(), 0, 'it is kept for one way back');
  });
  await other.context().close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const path of paths) {
    drive(`axe finds nothing wrong at ${path}, ${colorScheme}`, async (t) => {
      await page.emulateMedia({ colorScheme });
      await goTo(page, path);
      t.deepEqual(await findAxeFaults(page), []);
      await takePicture(page, `${colorScheme}${path.replaceAll('/', '-')}`);
    });
  }
  drive(`axe finds nothing wrong before somebody is signed in, ${colorScheme}`, async (t) => {
    const other = await openPage({ colorScheme });
    for (const path of ['/sign-in', '/set-password#token=none']) {
      await goTo(other, path);
      t.deepEqual(await findAxeFaults(other), [], path);
    }
    await other.context().close();
  });
}

drive('on a phone no page is wider than the screen, in Chinese as in English', async (t) => {
  const state = await page.context().storageState();
  const phone = await openPage({
    storageState: state,
    locale: 'zh-CN',
    colorScheme: 'dark',
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  for (const language of ['zh-CN', 'en'] as const) {
    for (const path of paths) {
      await goTo(phone, path);
      t.is(await phone.getAttribute('html', 'lang'), language);
      const isTooWide = await phone.evaluate('document.documentElement.scrollWidth > innerWidth');
      t.is(isTooWide, false, `${path} ${language}`);
      await takePicture(phone, `phone-${language}${path.replaceAll('/', '-')}`);
    }
    t.deepEqual(await findAxeFaults(phone), []);
    await phone.click('[data-test=menu]');
    await phone.click('.el-drawer [data-test=language]');
  }
  await phone.context().close();
});

drive('the page is used by keyboard alone', async (t) => {
  await goTo(page, '/operators');
  await page.keyboard.press('Tab');
  t.is(await page.evaluate('document.activeElement.textContent.trim()'), 'Skip to the page');
  await page.keyboard.press('Enter');
  t.is(await page.evaluate('document.activeElement.id'), 'main');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[name=operator-name]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('input[name=operator-name]', { state: 'detached' });
});

drive('signing out ends the sign-in', async (t) => {
  await page.click('[data-test=sign-out]');
  await page.waitForSelector('input[name=username]');
  await page.goto('/sessions');
  await page.waitForSelector('input[name=username]');
  t.is(new URL(page.url()).pathname, '/sign-in');
});

drive('the browser refused nothing, no script failed, and no other host was asked', (t) => {
  t.deepEqual(complaints, []);
});
