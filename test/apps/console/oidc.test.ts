import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { msSinceProof } from '../../../apps/console/accounts/oidc-operator.ts';
import { freshMs } from '../../../apps/console/accounts/sign-ins.ts';
import { withClockAhead } from '../../support/clock-ahead.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { pageHeaders, startTestConsole } from '../../support/console.ts';
import { startIdentityProvider } from '../../support/identity-provider.ts';
import { openRedis } from '../../support/open-redis.ts';
import { readSeal } from '../../support/person.ts';

const onClose = closeAfterAll(test);
const identityProvider = await startIdentityProvider(onClose);
const { issuer, people } = identityProvider;
const consoleUrl = 'http://console.test';
identityProvider.serve(consoleUrl);
const site = await startTestConsole({ onClose, env: { ...identityProvider.env, CONSOLE_URL: consoleUrl } });
const { url, api } = site;

/** A browser that keeps its cookies per host, follows redirects of its own, and fills in the provider's forms. */
class Browser {
  readonly cookies = new Map<string, Map<string, string>>();
  /** What it says of the page that leads it to the console. */
  ledBy = 'same-origin';
  /** Forms of the provider that somebody has filled in. */
  forms = 0;

  async get(
    address: string,
    form?: Record<string, string>,
  ): Promise<{ status: number; location: string; text: string }> {
    const { origin, pathname, search } = new URL(address);
    // The console's name leads to this machine, as a proxy would.
    const at = origin === 'http://console.test' ? `${url}${pathname}${search}` : address;
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    const response = await fetch(at, {
      redirect: 'manual',
      headers: {
        Accept: 'text/html',
        ...(origin === consoleUrl ? { 'Sec-Fetch-Site': this.ledBy } : {}),
        Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form).toString() }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    const location = response.headers.get('location') ?? '';
    return {
      status: response.status,
      location: location === '' ? '' : new URL(location, address).href,
      text: await response.text(),
    };
  }

  /** To the provider, through its log-in and consent, up to the address that it sends the browser back to. */
  async logIn(name: string, start = 'http://console.test/sign-in/oidc'): Promise<string> {
    let answer = await this.get(start);
    this.forms = 0;
    for (let step = 0; step < 12; step++) {
      if (answer.location.startsWith('http://console.test')) return answer.location;
      const action = /<form[^>]* action="([^"]+)"/.exec(answer.text)?.[1];
      if (action !== undefined) this.forms++;
      if (answer.location !== '') answer = await this.get(answer.location);
      else if (action !== undefined && answer.text.includes('name="login"'))
        answer = await this.get(action, { prompt: 'login', login: name, password: 'any' });
      else if (action !== undefined) answer = await this.get(action, { prompt: 'consent' });
      else throw new Error(`stuck at ${answer.status}: ${answer.text.slice(0, 300)}`);
    }
    throw new Error('too many steps');
  }

  me() {
    return this.ask('GET', '/me');
  }

  /** As the console's page does. */
  ask(method: string, path: string, body?: object) {
    const cookie = [...(this.cookies.get('http://console.test') ?? [])].map(([name, value]) => `${name}=${value}`);
    return api(method, path, { body, headers: { ...pageHeaders(consoleUrl), Cookie: cookie.join('; ') } });
  }
}

test.serial('the page is told by which provider people sign in', async (t) => {
  t.deepEqual((await api('GET', '/sign-in/ways')).body, { password: true, oidc: { name: new URL(issuer).host } });
});

test.serial('whom the provider vouches for gets in with the role of a claim', async (t) => {
  people['alice'] = { preferred_username: 'Alice.Li', groups: ['staff', 'admins'] };
  const browser = new Browser();
  const back = await browser.logIn('alice', 'http://console.test/sign-in/oidc?to=/sessions');
  t.regex(back, /\/sign-in\/oidc\/callback\?code=/);
  const done = await browser.get(back);
  t.is(done.status, 302);
  t.is(done.location, 'http://console.test/sessions');
  t.like((await browser.me()).body, { name: 'alice.li', role: 'admin', via: 'oidc' });
  const admin = await site.signIn('admin');
  const { body } = await api('GET', '/operators', { as: admin });
  t.like(
    body.items.find(({ name }: { name: string }) => name === 'alice.li'),
    { via: ['oidc'], role: 'admin' },
  );
});

test.serial('the way back works once, in the browser that began, and with its own state', async (t) => {
  people['bob'] = { groups: 'staff' };
  const browser = new Browser();
  const back = await browser.logIn('bob');
  const stranger = new Browser();
  t.is((await stranger.get(back)).location, 'http://console.test/sign-in?problem=oidc_too_late', 'another browser');
  await stranger.get('http://console.test/sign-in/oidc');
  t.is((await stranger.get(back)).location, 'http://console.test/sign-in?problem=oidc_failed', 'another’s state');
  t.is((await stranger.me()).status, 401);
  t.is((await browser.get(back)).location, 'http://console.test/');
  t.is((await browser.me()).body.role, 'viewer');
  t.is((await browser.get(back)).location, 'http://console.test/sign-in?problem=oidc_too_late', 'again');
});

test.serial('without a role, or disabled, nobody gets in; a changed role counts', async (t) => {
  people['carol'] = { groups: ['others'] };
  const browser = new Browser();
  const tryAgain = async () => (await browser.get(await browser.logIn('carol'))).location;
  t.is(await tryAgain(), 'http://console.test/sign-in?problem=oidc_no_role');
  people['carol'] = { groups: ['staff'] };
  t.is(await tryAgain(), 'http://console.test/');
  t.is((await browser.me()).body.role, 'viewer');
  const elsewhere = new Browser();
  people['carol'] = { groups: ['admins'] };
  await elsewhere.get(await elsewhere.logIn('carol'));
  t.is((await elsewhere.me()).body.role, 'admin');
  t.is((await browser.me()).status, 401, 'a sign-in with the role of before is over');
  const admin = await site.signIn('admin');
  const confirm = { password: admin.password };
  const change = (body: object) => api('PATCH', '/operators/carol', { as: admin, body: { ...body, confirm } });
  t.is((await change({ role: 'viewer' })).body.code, 'role_of_provider');
  t.is((await change({ isDisabled: true })).status, 200);
  t.is((await elsewhere.me()).status, 401);
  t.is(await tryAgain(), 'http://console.test/sign-in?problem=operator_disabled');
});

const again = 'http://console.test/sign-in/oidc?again=1&to=/operators';
const longerMs = 301_000;
/** What whoever has the cookie of an admin would do, to have more than that. */
async function give(browser: Browser) {
  const local = await site.person('viewer');
  const body = { name: `made-${randomBytes(4).toString('hex')}`, role: 'admin' };
  const steps: [string, string, object][] = [
    ['POST', '/operators', body],
    ['POST', '/operators/tokens', { ...body, name: `${body.name}-too` }],
    ['POST', `/operators/${local.name}/link`, {}],
    ['PATCH', `/operators/${local.name}`, { role: 'admin' }],
    ['PATCH', `/operators/${local.name}`, { isDisabled: false }],
  ];
  const codes = [];
  for (const step of steps) {
    const answer = await browser.ask(...step);
    codes.push(answer.body.code ?? answer.status);
  }
  return codes;
}
/** Changes what Redis has of a sign-in, as the console would have written it. */
async function openOwn(browser: Browser) {
  const seal = await readSeal(site.database);
  const secret = browser.cookies.get(consoleUrl)?.get('wafer-console') as string;
  const key = `wafer:console:sign-in:${createHash('sha256').update(secret).digest('hex')}`;
  const redis = openRedis(site.redis.url);
  onClose(() => redis.disconnect());
  return async (change: (kept: { provenAt: number; provenAtByStore: number }) => object) => {
    const kept = JSON.parse(seal.open(key, (await redis.get(key)) as string));
    await redis.set(key, seal.seal(key, JSON.stringify(change(kept))), 'KEEPTTL');
  };
}
const refused = Array.from({ length: 5 }, () => 'sign_in_again');
const done = [201, 201, 200, 200, 200];

test.serial('a sign-in of five minutes ago gives no rights until the provider has asked again', async (t) => {
  people['frida'] = { groups: ['admins'] };
  const browser = new Browser();
  await browser.get(await browser.logIn('frida'));
  t.deepEqual(await give(browser), done);
  await browser.get(await browser.logIn('frida', again));
  t.true(browser.forms > 0, 'it asks, though it knows the browser, and asked just now');
  t.deepEqual(await give(browser), done);
  await withClockAhead(longerMs, async () => {
    t.deepEqual(await give(browser), refused);
    t.is((await browser.ask('GET', '/operators')).status, 200);
    const elsewhere = new Browser();
    for (const [site, jar] of browser.cookies) elsewhere.cookies.set(site, new Map(jar));
    await browser.logIn('frida');
    t.is(browser.forms, 0, 'where it is not asked to, it asks nothing');
    const back = await browser.logIn('frida', again);
    t.true(browser.forms > 0);
    t.is((await browser.get(back)).location, 'http://console.test/operators');
    t.deepEqual(await give(browser), done);
    t.is((await elsewhere.me()).status, 401, 'who has the cookie of before has nothing of it');
  });
});

test.serial('who takes from the address that the provider should ask again gets no rights', async (t) => {
  people['gustav'] = { groups: ['admins'] };
  const browser = new Browser();
  await browser.get(await browser.logIn('gustav'));
  const withoutAsking = async (start: string) => {
    const asked = new URL((await browser.get(start)).location);
    t.is(asked.searchParams.get('max_age'), start === again ? '300' : null, 'so that it says when it asked');
    asked.searchParams.delete('prompt');
    asked.searchParams.set('max_age', '100000');
    const back = await browser.logIn('gustav', asked.href);
    t.is(browser.forms, 0);
    return (await browser.get(back)).location;
  };
  await withClockAhead(longerMs, async () => {
    t.is(await withoutAsking(again), 'http://console.test/sign-in?problem=oidc_not_asked');
    t.deepEqual(await give(browser), refused);
    t.is(await withoutAsking('http://console.test/sign-in/oidc'), 'http://console.test/');
    t.like((await browser.me()).body, { name: 'gustav', role: 'admin' });
    t.deepEqual(await give(browser), refused, 'a sign-in is as old as the provider says');
  });
});

test.serial('a clock that was wrong makes no old sign-in through the provider a fresh one', async (t) => {
  people['henry'] = { groups: ['admins'] };
  const browser = new Browser();
  const signIn = async () => browser.get(await browser.logIn('henry'));
  await withClockAhead(10 * longerMs, signIn);
  t.is((await browser.me()).status, 401, 'of a time to come, which nobody trusts');
  await withClockAhead(10 * longerMs, async () => t.is((await browser.me()).status, 401, 'for good'));

  await signIn();
  t.deepEqual(await give(browser), done);
  const rewrite = await openOwn(browser);
  await rewrite(({ provenAt, ...more }) => ({ ...more, provenAt: provenAt + longerMs }));
  t.deepEqual(await give(browser), refused, 'it was proved in a time to come');
  await rewrite(({ provenAt, ...more }) => ({ ...more, provenAt: provenAt - longerMs }));
  t.deepEqual(await give(browser), done);
  await rewrite(({ provenAtByStore, ...more }) => ({ ...more, provenAtByStore: provenAtByStore - longerMs }));
  t.deepEqual(await give(browser), refused, 'by the clock of MySQL it is old, though the console’s was set back');
  await rewrite(({ provenAtByStore, ...more }) => ({ ...more, provenAtByStore: provenAtByStore + 2 * longerMs }));
  t.deepEqual(await give(browser), refused, 'as if the clock of MySQL was set back');
});

test('a provider that says it asked in a time to come is not believed', (t) => {
  const iat = 1_800_000_000;
  const msOf = (authTime?: number) =>
    msSinceProof({ sub: 'x', iat, ...(authTime === undefined ? {} : { auth_time: authTime }) });
  t.is(msOf(), 0);
  t.is(msOf(iat - 301), 301_000);
  t.is(msOf(iat + 5), 0, 'its machines differ by seconds');
  t.true(msOf(iat + 3600) > freshMs);
});

test.serial('who is called as somebody else here is another operator all the same', async (t) => {
  const local = await site.person('admin');
  people['mallory'] = { preferred_username: local.name, groups: ['staff'] };
  const browser = new Browser();
  await browser.get(await browser.logIn('mallory'));
  const { body } = await browser.me();
  t.is(body.role, 'viewer');
  t.regex(body.name, new RegExp(`^${local.name}-[0-9a-f]{8}$`));
});

test.serial('after the sign-in nobody is led to another site', async (t) => {
  people['dave'] = { groups: ['staff'] };
  for (const to of [
    'https://evil.invalid',
    '//evil.invalid',
    '/\\evil.invalid',
    '/%5Cevil',
    '/a\nb',
    '/.//evil.invalid',
  ]) {
    const browser = new Browser();
    const start = `http://console.test/sign-in/oidc?to=${encodeURIComponent(to)}`;
    const { location } = await browser.get(await browser.logIn('dave', start));
    t.is(new URL(location).origin, 'http://console.test', to);
    t.false(new URL(location).pathname.startsWith('//'), to);
  }
});

test.serial('nobody is signed in by a page of another site that leads there', async (t) => {
  people['erin'] = { groups: ['admins'] };
  const browser = new Browser();
  await browser.get(await browser.logIn('erin'));
  browser.cookies.get(consoleUrl)?.clear();
  await browser.get(await browser.logIn('erin'));
  t.is(browser.forms, 0, 'the provider knows the browser and asks nothing');
  t.is((await browser.me()).status, 200);
  for (const ledBy of ['cross-site', 'same-site']) {
    browser.cookies.get(consoleUrl)?.clear();
    browser.ledBy = ledBy;
    const { location } = await browser.get('http://console.test/sign-in/oidc?to=/apps');
    t.is(location, 'http://console.test/sign-in?to=%2Fapps', ledBy);
    t.is((await browser.me()).status, 401, ledBy);
  }
});

test.serial('behind https what a flow needs is in a cookie that no other host can set', async (t) => {
  const secure = await startTestConsole({
    onClose,
    stack: { database: site.database, redis: site.redis, env: {} },
    env: { ...identityProvider.env, CONSOLE_URL: 'https://console.test' },
  });
  const answer = await fetch(`${secure.url}/sign-in/oidc`, { redirect: 'manual' });
  const cookie = answer.headers.getSetCookie().find((each) => each.includes('oidc')) ?? '';
  t.regex(cookie, /^__Host-/);
  t.regex(cookie, /; path=\/;/i);
  t.regex(cookie, /; secure/i);
  t.notRegex(cookie, /domain/i);
});

test.serial('while the provider is away people are told so, and passwords work', async (t) => {
  const away = await startTestConsole({
    onClose,
    stack: { database: site.database, redis: site.redis, env: {} },
    env: {
      CONSOLE_OIDC_ISSUER: 'http://127.0.0.1:9',
      CONSOLE_OIDC_CLIENT_ID: 'wafer-console',
      CONSOLE_OIDC_ROLES: '*=viewer',
    },
  });
  const response = await fetch(`${away.url}/sign-in/oidc`, { redirect: 'manual' });
  t.is(response.headers.get('location'), '/sign-in?problem=oidc_unreachable');
  t.is((await away.api('GET', '/me', { as: await away.signIn('viewer') })).status, 200);
  t.truthy(pageHeaders(away.url));
});
