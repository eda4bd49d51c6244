import test from 'ava';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { createUser, encryptWithIv, phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import { call, newUser, type Answer } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { profileText, sealBytes, sealLegacy, sealText } from '../support/sealed-data.ts';
import { startStack, testAppid, untilReady } from '../support/stack.ts';
import { until } from '../support/until.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 2, workers: 0 });
const ports = [await findFreePort(), await findFreePort()];
for (const port of ports) await stack.addWorker({ WORKER_HEALTH_PORT: String(port) });
const [url] = stack.urls;
await untilReady(url);
async function logIn() {
  const name = newUser();
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: `${name}~1` });
  return { name, session: session as { id: string; skey: string }, user: createUser(testAppid, name) };
}
const decrypt = (session: object, data: object, web = url) => call(web, 'qcloud.cam.decrypt', { ...session, ...data });
const shown = ({ text, reason }: Answer) => ({ text, reason });

test.serial('decrypt takes an iv: without one, or with the word old, it is refused', async (t) => {
  const { session, user } = await logIn();
  const legacy = sealLegacy(user.sessionKey, profileText(user.openid, 'x', testAppid));
  for (const iv of [undefined, null, 'old']) {
    const answer = await decrypt(session, { encrypt_data: legacy, ...(iv === undefined ? {} : { iv }) });
    t.deepEqual(
      [answer.returnCode, answer.returnMessage, answer.returnData, answer.reason],
      [60021, 'GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL', '', 'iv_missing'],
    );
  }
  const text = profileText(user.openid, 'x', testAppid);
  t.is((await decrypt(session, sealText(user.sessionKey, text))).returnData, text);
});

test.serial('decrypt refuses with the same bytes, whatever the data hold', async (t) => {
  const { session, user } = await logIn();
  const { sessionKey, openid } = user;
  const iv = Buffer.alloc(16, 7);
  const watermark = { appid: testAppid, timestamp: 1 };
  const padded = (text: string, padding: string) => sealBytes(sessionKey, Buffer.from(text + padding, 'latin1'), iv);
  const text = JSON.stringify({ ab: '', watermark });
  const room = 16 - (text.length % 16);
  const wrong = [
    sealText(createUser(testAppid, newUser()).sessionKey, profileText(openid, 'x', testAppid)),
    padded(text, `${'x'.repeat(room - 1)}${String.fromCharCode(room)}`),
    padded(text, String.fromCharCode(room + 16).repeat(room + 16)),
    padded(`${text}${' '.repeat(room)}`, ''),
    padded(`${text}${' '.repeat(room)}`, '\0'.repeat(16)),
    sealText(sessionKey, 'no JSON'),
    sealText(sessionKey, JSON.stringify([watermark])),
    sealText(sessionKey, profileText(openid, 'x', 'wxother')),
    sealText(sessionKey, profileText(`${openid}x`, 'x', testAppid)),
    sealText(sessionKey, JSON.stringify({ nickName: 'x', user: { open_id: `${openid}x` }, watermark })),
    sealText(sessionKey, JSON.stringify({ city: 'Guangzhou', avatarUrl: '', watermark })),
    sealText(sessionKey, `{"a":1,"a":2,"watermark":${JSON.stringify(watermark)}}`),
    { ...sealText(sessionKey, text), iv: 'AAAA' },
    { iv: iv.toString('base64'), encrypt_data: 5 },
    { iv: iv.toString('base64'), encrypt_data: 'AAAA' },
  ];
  const answers: ReturnType<typeof shown>[] = [];
  for (const data of wrong) answers.push(shown(await decrypt(session, data)));
  t.deepEqual(
    answers,
    answers.map(() => answers[0]),
  );
  t.regex(answers[0]?.text ?? '', /"returnCode":60021,.*"returnData":""/);
  t.is((await decrypt(session, padded(text, String.fromCharCode(room).repeat(room)))).returnData, text);
});

/** What each worker has counted. */
const counts = (call: string, result: string) =>
  Promise.all(
    ports.map(async (port) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const line = `wafer_user_data_total{call="${call}",result="${result}"} `;
      return Number(
        text
          .split('\n')
          .find((each) => each.startsWith(line))
          ?.slice(line.length) ?? 0,
      );
    }),
  );
const failures = async () => (await counts('decrypt', 'not_decrypted')).reduce((sum, count) => sum + count, 0);
const eachWorkerLimits = async (call: string) => (await counts(call, 'too_many_failures')).every((count) => count > 0);

test.serial('valid data, many at once, lock nobody out of decrypt or log-ins', async (t) => {
  const { name, session, user } = await logIn();
  const good = sealText(user.sessionKey, profileText(user.openid, 'x', testAppid));
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(
      Array.from({ length: 180 }, (_, at) => decrypt(session, good, stack.urls[at % 2])),
    );
    t.is(new Set(answers.map(({ returnCode, reason }) => `${returnCode} ${reason}`)).size, 1);
    t.is(answers[0]?.returnCode, 0);
  }
  for (let time = 0; time < 12; time++)
    t.is((await call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}`, ...good })).returnCode, 0);
});

test.serial('failed decrypts of a user are limited over all workers and interfaces', async (t) => {
  const before = await failures();
  const { name, session, user } = await logIn();
  const junk = () => sealText(user.sessionKey, newUser());
  const answers: Answer[] = [];
  // Many at once, so that several workers have some in hand.
  for (let round = 0; round < 5; round++) {
    const data = Array.from({ length: 20 }, junk);
    answers.push(...(await Promise.all(data.map((each, at) => decrypt(session, each, stack.urls[at % 2])))));
  }
  t.true(answers.every(({ returnCode }) => returnCode === 60021));
  const tried = answers.filter(({ reason }) => !/^too_many_(?:failures|at_once)$/.test(reason ?? ''));
  t.is(tried.length, 30, 'as many are tried in an hour');
  await until('each is counted', async () => (await failures()) - before === 30);
  const good = sealText(user.sessionKey, profileText(user.openid, 'x', testAppid));
  for (let time = 0; time < 6; time++) {
    const web = stack.urls[time % 2] as string;
    t.is((await decrypt(session, good, web)).reason, 'too_many_failures');
    t.is((await call(web, 'qcloud.cam.userinfo', { ...session, ...good })).reason, 'too_many_failures');
    const phone = encryptWithIv(user.sessionKey, phoneInfoOf(testAppid, name));
    t.is((await call(web, 'qcloud.cam.phone', { ...session, ...phone })).reason, 'too_many_failures');
  }
  t.is((await call(url, 'qcloud.cam.phone', { ...session, code: `${name}~p` })).returnMessage, 'PHONE_SUCCESS');
  t.is((await call(url, 'qcloud.cam.id_skey', { code: `${name}~2` })).returnCode, 0, 'a log-in by code goes on');
  const other = await logIn();
  const text = profileText(other.user.openid, 'x', testAppid);
  t.is((await decrypt(other.session, sealText(other.user.sessionKey, text))).returnData, text, 'another user');
});

test.serial('failed log-ins count as well, and a log-in by code goes on', async (t) => {
  const { name, user } = await logIn();
  const send = (data: object) => call(url, 'qcloud.cam.id_skey', { code: `${name}~${newUser()}`, ...data });
  let tried = 0;
  // Until each worker has had a failure too many: from then on each knows.
  for (let time = 0; time < 300 && !(await eachWorkerLimits('login')); time++) {
    const { returnCode, reason } = await send(sealText(user.sessionKey, newUser()));
    t.is(returnCode, 60021);
    if (reason === 'user_data_not_decrypted') tried++;
    else t.is(reason, 'too_many_failures');
  }
  t.true(tried >= 30 && tried <= 30 + ports.length, `${tried} tried: thirty, and one for each worker`);
  const text = profileText(user.openid, 'x', testAppid);
  t.is((await send(sealText(user.sessionKey, text))).reason, 'too_many_failures');
  t.is((await send({ encrypt_data: sealLegacy(user.sessionKey, text) })).returnData.user_info, null);
  const { returnCode, returnData } = await send({});
  t.is(returnCode, 0);
  t.is((await decrypt(returnData, sealText(user.sessionKey, text))).reason, 'too_many_failures');
});
