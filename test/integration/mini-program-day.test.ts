import test from 'ava';
import { phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import { auth, call, newUser } from '../support/client.ts';
import { startStack, testAppid } from '../support/stack.ts';

test('a mini program of today gets through its day', async (t) => {
  const stack = await startStack({
    onClose: t.teardown.bind(t),
    webs: 2,
    workers: 2,
    app: 'grace_seconds = 5',
  });
  const [url] = stack.urls;
  const user = newUser();
  const fromWechat = async (path: string) =>
    (await (
      await fetch(`${stack.wechat?.url}${path}?${new URLSearchParams({ code: user, appid: testAppid }).toString()}`)
    ).json()) as Record<string, string>;

  const cold = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  t.is(cold.returnMessage, 'NEW_SESSION_SUCCESS');
  const session = { id: cold.returnData.id as string, skey: cold.returnData.skey as string };
  t.is((await auth(url, session)).returnData.user_info.nickName, '');

  const profile = await call(url, 'qcloud.cam.userinfo', { ...session, ...(await fromWechat('/_sim/userdata')) });
  t.is(profile.returnCode, 0);
  for (const web of stack.urls)
    t.deepEqual((await auth(web, session)).returnData.user_info, profile.returnData.user_info);

  const { code } = await fromWechat('/_sim/phonecode');
  const phone = await call(url, 'qcloud.cam.phone', { ...session, code });
  t.is(phone.returnData.phone_info.purePhoneNumber, phoneInfoOf(testAppid, user).purePhoneNumber);

  const [again, ...answers] = await Promise.all([
    call(url, 'qcloud.cam.id_skey', { code: `${user}~2` }),
    ...Array.from({ length: 200 }, (_, index) => auth(stack.urls[index % 2] as string, session)),
  ]);
  t.is(again.returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.is(again.returnData.id, session.id);
  t.deepEqual(again.returnData.user_info, profile.returnData.user_info);
  t.is(answers.filter(({ returnCode }) => returnCode !== 0).length, 0);
});
