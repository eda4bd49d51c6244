import test from 'ava';

import { createUser } from '../../apps/wechat-simulator/users.ts';
import { startBusinessServer } from '../support/business-server.ts';
import { call, newUser } from '../support/client.ts';
import { createMiniProgram, type ClientSdkError, type MiniProgram } from '../support/mini-program.ts';
import { startStack, testAppid } from '../support/stack.ts';

/** The unmodified SDKs against front ends that are started with `env`. Once in a process: the SDK's configuration is one for all. */
export async function testSdks(env: Record<string, string> = {}): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  const onClose = (close: () => Promise<void>) => void closers.push(close);
  const stack = await startStack({ onClose, webs: 2, workers: 2, env });
  const marker = 'F2C224D4-2BCE-4C64-AF9F-A6D872000D1A';
  const business = await startBusinessServer(stack.urls[0], onClose);
  test.after.always(async () => {
    for (const close of closers.toReversed()) await close();
  });

  function openMiniProgram(user: string): MiniProgram {
    return createMiniProgram({ appid: testAppid, user, loginUrl: business.loginUrl });
  }

  /** The headers that wafer-client-sdk sends once it has a session. */
  function sessionHeaders({ id, skey }: { id: string; skey: string }): Record<string, string> {
    return { 'X-WX-Id': id, 'X-WX-Skey': skey };
  }

  async function requestProfile(session: { id: string; skey: string }): Promise<Record<string, unknown>> {
    const response = await fetch(business.profileUrl, { headers: sessionHeaders(session) });
    return (await response.json()) as Record<string, unknown>;
  }

  function getSession(miniProgram: MiniProgram): { id: string; skey: string } {
    const session = miniProgram.session();
    if (session === undefined) throw new Error('the client SDK has no session');
    return session;
  }

  test.serial('the client SDK logs in through the server SDK, which gets the decrypted profile', async (t) => {
    const user = newUser();
    const miniProgram = openMiniProgram(user);
    const before = business.results.length;
    t.deepEqual(await miniProgram.login(), { nickName: user });
    t.deepEqual(miniProgram.requestedPaths, ['/login']);

    const { id, skey } = getSession(miniProgram);
    t.regex(id, /^[\x21-\x7e]{20,100}$/);
    t.regex(skey, /^[\x21-\x7e]{20,100}$/);
    const { userInfo } = business.results[before] ?? { userInfo: undefined };
    t.is(userInfo.openId, createUser(testAppid, user).openid);
    t.is(userInfo.nickName, `小程序用户${user}🐼`);
    t.is(userInfo.gender, 1);
    t.is(userInfo.watermark.appid, testAppid);
  });

  test.serial(
    'a request with a session is answered with the profile of the log-in, without another log-in',
    async (t) => {
      const user = newUser();
      const miniProgram = openMiniProgram(user);
      const before = business.results.length;
      await miniProgram.login();
      for (let round = 0; round < 2; round++) {
        const response = await miniProgram.request(business.profileUrl);
        t.is(response.statusCode, 200);
        t.deepEqual(response.data, business.results[before]);
      }
      t.deepEqual(miniProgram.requestedPaths, ['/login', '/profile', '/profile']);
      t.is(miniProgram.logins(), 1);
    },
  );

  test.serial('a request without a session makes the client SDK log in first', async (t) => {
    const user = newUser();
    const miniProgram = openMiniProgram(user);
    const response = await miniProgram.request(business.profileUrl);
    t.is(response.data.userInfo.nickName, `小程序用户${user}🐼`);
    t.deepEqual(miniProgram.requestedPaths, ['/login', '/profile']);
  });

  test.serial(
    'after a log-in on another device the first skey gets ERR_INVALID_SESSION, in both front ends',
    async (t) => {
      const user = newUser();
      const [first, second] = [openMiniProgram(user), openMiniProgram(user)];
      await first.request(business.profileUrl);
      const old = getSession(first);
      await second.login();
      t.is(getSession(second).id, old.id);
      t.not(getSession(second).skey, old.skey);

      const answer = await requestProfile(old);
      t.is(answer[marker], 1);
      t.is(answer['error'], 'ERR_INVALID_SESSION');
      t.is(business.errors.at(-1)?.type, 'ERR_INVALID_SESSION');
      for (const url of stack.urls) t.is((await call(url, 'qcloud.cam.auth', old)).returnCode, 60012);
      t.is((await second.request(business.profileUrl)).statusCode, 200);
    },
  );

  test.serial(
    'a client SDK whose session was ended elsewhere logs in again by itself and its request succeeds',
    async (t) => {
      const user = newUser();
      const [first, second] = [openMiniProgram(user), openMiniProgram(user)];
      await first.request(business.profileUrl);
      const old = getSession(first);
      await second.login();

      const response = await first.request(business.profileUrl);
      t.is(response.data.userInfo.nickName, `小程序用户${user}🐼`);
      t.deepEqual(first.requestedPaths, ['/login', '/profile', '/profile', '/login', '/profile']);
      t.is(first.logins(), 2);
      t.not(getSession(first).skey, old.skey);
      t.is(getSession(first).id, old.id);
      t.is((await requestProfile(getSession(second)))['error'], 'ERR_INVALID_SESSION');
    },
  );

  test.serial(
    'a code that WeChat refuses is ERR_LOGIN_FAILED with the code 40029, and leaves no session',
    async (t) => {
      const miniProgram = openMiniProgram(newUser());
      miniProgram.nextCodes.push(`bad~${newUser()}`);
      // Its errors inherit from Error without being made by it.
      const error = (await t.throwsAsync(miniProgram.login(), { any: true })) as ClientSdkError;
      t.is(error.type, 'ERR_LOGIN_MISSING_SESSION');
      t.true(error.message.includes('ERR_LOGIN_FAILED'));
      t.true(error.message.includes('40029 - WEIXIN_CODE_ERR'));
      t.is(business.errors.at(-1)?.type, 'ERR_LOGIN_FAILED');
      t.is(miniProgram.session(), undefined);
    },
  );

  test.serial('user data of another user are ERR_LOGIN_FAILED, and the session before stays valid', async (t) => {
    const user = newUser();
    const miniProgram = openMiniProgram(user);
    await miniProgram.login();
    const session = getSession(miniProgram);
    const headers = { 'X-WX-Code': `${user}~other-data`, 'X-WX-Encrypted-Data': 'AAAA', 'X-WX-IV': 'AAAA' };
    const answer = (await (await fetch(business.loginUrl, { headers })).json()) as Record<string, unknown>;
    t.is(answer['error'], 'ERR_LOGIN_FAILED');
    t.true(String(answer['message']).includes('60021 - DECRYPT_FAIL'));
    t.true('userInfo' in (await requestProfile(session)));
  });

  test.serial('a session that was made with the code alone is accepted by the check of the server SDK', async (t) => {
    const answer = await call(stack.urls[0], 'qcloud.cam.id_skey', { code: `${newUser()}~alone` });
    t.is(answer.returnCode, 0);
    t.deepEqual(await requestProfile(answer.returnData), { userInfo: answer.returnData.user_info });
  });

  test.serial('the session of one user with the id of another is ERR_INVALID_SESSION', async (t) => {
    const [alice, bob] = [openMiniProgram(newUser()), openMiniProgram(newUser())];
    await Promise.all([alice.login(), bob.login()]);
    const answer = await requestProfile({ id: getSession(alice).id, skey: getSession(bob).skey });
    t.is(answer['error'], 'ERR_INVALID_SESSION');
  });

  test.serial(
    'the legacy log-in of the first SDKs, without an iv, gives a session that the server SDK accepts',
    async (t) => {
      const user = newUser();
      const { legacy_encrypt_data: encryptData } = (await (
        await fetch(`${stack.wechat?.url}/_sim/userdata?appid=${testAppid}&code=${user}`)
      ).json()) as { legacy_encrypt_data: string };
      const answer = await call(stack.urls[0], 'qcloud.cam.id_skey', { code: `${user}~1`, encrypt_data: encryptData });
      t.is(answer.returnMessage, 'NEW_SESSION_SUCCESS');
      const profile = (await requestProfile(answer.returnData)) as { userInfo: { nickName: string } };
      t.is(profile.userInfo.nickName, `小程序用户${user}🐼`);
    },
  );

  test.serial('a database that cannot be read is ERR_CHECK_LOGIN_FAILED, never ERR_INVALID_SESSION', async (t) => {
    stack.database.cut();
    t.teardown(async () => stack.database.restore());
    const answer = await requestProfile({ id: 'nobody-has-this-id', skey: 'nor-this-skey' });
    t.is(answer['error'], 'ERR_CHECK_LOGIN_FAILED');
    t.true(String(answer['message']).includes('1001 - MYSQL_ERR'));
  });
}
