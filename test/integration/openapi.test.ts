import test from 'ava';

import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';
import { createOpenApiDocument } from '../../apps/web/openapi/document.ts';
import { answerSchema, failureSchema } from '../../apps/web/openapi/envelope.ts';
import { createUserData } from '../../apps/wechat-simulator/users.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { runCli } from '../apps/cli/run-cli.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startStack, testAppid, untilReady } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, app: 'allow_sign = 1' });
// Through the key of a caller who may call what has to be granted, too.
const added = await runCli(stack.env, ['caller', 'add', 'all', '--may', 'default,forget', '--json']);
const url = `${stack.urls[0]}/k/${added.json.key}`;
const strictUrl = await stack.addWeb({ LOGIN_REQUIRES_USER_DATA: 'true' });
await untilReady(strictUrl);
/** Interfaces whose success was compared with the document. */
const successes = new Set<string>();
/** Whether a real answer is what the document says for this interface. */
function isDescribed(name: string, text: string): boolean {
  const schema = interfaceSchemas.get(name);
  if (schema === undefined) throw new Error(`no schema for ${name}`);
  const answer = JSON.parse(text) as { returnCode: number };
  if (answer.returnCode === 0) successes.add(name);
  return (answer.returnCode === 0 ? answerSchema(schema) : failureSchema()).safeParse(answer).success;
}

test('the document is served', async (t) => {
  const response = await fetch(`${stack.urls[0]}/openapi.json`);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
  t.deepEqual(await response.json(), JSON.parse(JSON.stringify(createOpenApiDocument())));
});

test('each parameter that the document requires is required, and no other', async (t) => {
  for (const [name, { para, example }] of interfaceSchemas) {
    const { required = [] } = para.toJSONSchema();
    const complete = Object.fromEntries(required.map((parameter) => [parameter, example[parameter] ?? 'x']));
    for (const parameter of required) {
      const { [parameter]: _left, ...rest } = complete;
      t.is((await call(url, name, rest)).returnCode, 1003, `${name} without ${parameter}`);
      t.is(
        (await call(url, name, { ...complete, [parameter]: null })).returnCode,
        1003,
        `${name} with ${parameter} null`,
      );
    }
    t.not((await call(url, name, { ...complete, ...example })).returnCode, 1003, name);
  }
});

test('with LOGIN_REQUIRES_USER_DATA a log-in without encrypt_data is 1003', async (t) => {
  t.is((await call(strictUrl, 'qcloud.cam.id_skey', { code: newUser() })).returnCode, 1003);
  t.is((await login(strictUrl, `${newUser()}~1`)).returnCode, 0);
});

test('answers to successes are as the document says', async (t) => {
  const user = `unionid${newUser()}`;
  const withData = await login(url, `${user}~1`);
  t.is(withData.returnMessage, 'NEW_SESSION_SUCCESS');
  t.true(isDescribed('qcloud.cam.id_skey', withData.text));
  const alone = await call(url, 'qcloud.cam.id_skey', { code: `${user}~2` });
  t.is(alone.returnMessage, 'UPDATE_SESSION_SUCCESS');
  t.true(isDescribed('qcloud.cam.id_skey', alone.text));
  const expiring = await call(url, 'qcloud.cam.id_skey', { code: `expires${newUser()}` });
  t.is(expiring.returnData.duration, 7200);
  t.true(isDescribed('qcloud.cam.id_skey', expiring.text));
  const legacy = await call(url, 'qcloud.cam.id_skey', { code: newUser(), encrypt_data: 'AAAA' });
  t.is(legacy.returnData.user_info, null);
  t.true(isDescribed('qcloud.cam.id_skey', legacy.text));

  const session = alone.returnData as { id: string; skey: string };
  const checked = await auth(url, session);
  t.is(checked.returnCode, 0);
  t.true(isDescribed('qcloud.cam.auth', checked.text));
  const { encrypt_data, iv } = createUserData(testAppid, user);
  const decrypted = await call(url, 'qcloud.cam.decrypt', { ...session, encrypt_data, iv });
  t.is(decrypted.returnCode, 0);
  t.true(isDescribed('qcloud.cam.decrypt', decrypted.text));
  const calls: [name: string, para: Record<string, string>][] = [
    ['qcloud.cam.userinfo', { encrypt_data, iv }],
    ['qcloud.cam.phone', { code: `${user}~phone` }],
    ['qcloud.cam.checksession', {}],
    ['qcloud.cam.resetkey', {}],
    ['qcloud.cam.sign', { data: '{}' }],
    ['qcloud.cam.encryptkey', {}],
  ];
  for (const [name, para] of calls) {
    const answer = await call(url, name, { ...session, ...para });
    t.is(answer.returnCode, 0, answer.text);
    t.true(isDescribed(name, answer.text), answer.text);
  }
  const ended = await call(url, 'qcloud.cam.logout', session);
  t.is(ended.returnCode, 0);
  t.true(isDescribed('qcloud.cam.logout', ended.text));
  const { returnData: next } = await call(url, 'qcloud.cam.id_skey', { code: `${user}~3` });
  const forgotten = await call(url, 'qcloud.cam.forget', next);
  t.is(forgotten.returnCode, 0);
  t.true(isDescribed('qcloud.cam.forget', forgotten.text));
  for (const [name, { messages }] of interfaceSchemas) t.is(successes.has(name), messages.length > 0, name);
});

test('answers to failures are as the document says', async (t) => {
  for (const [name, { example }] of interfaceSchemas) {
    for (const para of [{}, { ...example, appid: 'wxunknown' }]) {
      const answer = await call(url, name, para);
      t.not(answer.returnCode, 0);
      t.true(isDescribed(name, answer.text), answer.text);
    }
  }
  const invalid = await auth(url, { id: 'nobody', skey: 'x' });
  t.is(invalid.returnCode, 60012);
  t.true(isDescribed('qcloud.cam.auth', invalid.text));
});
