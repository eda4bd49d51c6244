import test from 'ava';
import { phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import { auth, call, newUser } from '../support/client.ts';
import { startStack, testAppid } from '../support/stack.ts';

test('cold start with the code alone → profile → phone → 200 requests while it logs in again: none is rejected', async (t) => {
  const stack = await startStack({ onClose: t.teardown.bind(t), webs: 2, workers: 2 });
  await stack.database.query('update cAppinfo set grace_seconds = 5');
  // As plain SQL beside a running system counts: within five seconds.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  const [url] = stack.urls;
  const user = newUser();
  const fromPhone = async (path: string) =>
    (await (
      await fetch(`${stack.wechat?.url}${path}?${new URLSearchParams({ code: user, appid: testAppid }).toString()}`)
    ).json()) as Record<string, string>;

  const started = await call(url, 'qcloud.cam.id_skey', { code: `${user}~1` });
  t.is(started.returnMessage, 'NEW_SESSION_SUCCESS');
  const session = started.returnData;
  t.is((await call(url, 'qcloud.cam.userinfo', { ...session, ...(await fromPhone('/_sim/userdata')) })).returnCode, 0);
  const { code } = await fromPhone('/_sim/phonecode');
  const phone = await call(url, 'qcloud.cam.phone', { ...session, code });
  t.is(phone.returnData.phone_info.phoneNumber, phoneInfoOf(testAppid, user).phoneNumber);

  const [again, ...answers] = await Promise.all([
    call(url, 'qcloud.cam.id_skey', { code: `${user}~2` }),
    ...Array.from({ length: 200 }, (_, index) => auth(stack.urls[index % 2] as string, session)),
  ]);
  t.is(again.returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.deepEqual(
    answers.filter(({ returnCode }) => returnCode !== 0),
    [],
  );
  for (const web of stack.urls)
    t.regex((await auth(web, again.returnData)).returnData.user_info.nickName, new RegExp(user));
});
