import { gzipSync } from 'node:zlib';
import test from 'ava';
import * as fc from 'fast-check';
import { readFields } from '../../shared/wechat/answer.ts';
import { createWechatClient } from '../../shared/wechat/client.ts';
import { code2Session, isToken, type Exchange } from '../../shared/wechat/code2session.ts';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { readEnvelope } from '../support/envelope-check.ts';
import { createPoster } from '../support/post.ts';
import { checkManyAtOnce, checkProperty } from '../support/properties.ts';
import { startRawWechat, type RawWechatAnswer } from '../support/raw-wechat.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { damaged, deepText, jsonText } from './json-texts.ts';
import { isJsonForPhp } from './php-json-reference.ts';

const onClose = closeAfterAll(test);

const fieldNames = ['openid', 'session_key', 'unionid', 'expires_in', 'errcode', 'errmsg', '__proto__', 'constructor'];
const good: Record<string, fc.Arbitrary<string>> = {
  openid: fc.constantFrom('"oGZUI0egBJY1zhBYw2KhdUfwVJJE"', '"o"', `"${'o'.repeat(100)}"`, '"用户🐼"'),
  session_key: fc.constantFrom('"tiihtNczf5v6AKRyjwEUhQ=="', '"k"'),
  errcode: fc.constantFrom('0', '"0"', '-1', '40029', '"40163"', '99999999999', '1e99', '{"toString":1}', '[[[1]]]'),
  errmsg: fc.constantFrom('"invalid code"', 'null', '"\\ud800"'),
  expires_in: fc.constantFrom('7200', '"7200"', '1e999', '-1', '"\\ud800"'),
};
const field = fc
  .constantFrom(...fieldNames)
  .chain((name) =>
    fc
      .oneof(jsonText, Object.hasOwn(good, name) ? (good[name] as fc.Arbitrary<string>) : jsonText)
      .map((value) => `${JSON.stringify(name)}:${value}`),
  );
const success = fc
  .tuple(
    good['openid'] as fc.Arbitrary<string>,
    good['session_key'] as fc.Arbitrary<string>,
    fc.array(field, { maxLength: 2 }),
  )
  .map(([openid, key, more]) => `{${[...more, `"openid":${openid}`, `"session_key":${key}`].join()}}`);
const answerText = fc.oneof(
  success,
  fc.array(field, { maxLength: 5 }).map((fields) => `{${fields.join()}}`),
  jsonText,
  deepText,
);
const toBytes = (texts: fc.Arbitrary<string>) => texts.map((text) => new Uint8Array(Buffer.from(text)));
const body = fc.oneof(
  { weight: 4, arbitrary: toBytes(answerText) },
  { weight: 1, arbitrary: damaged(answerText) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom(70_000, 2_000_000).map((length) => new Uint8Array(length).fill(0x20)) },
);
const header = fc.oneof(
  fc.constantFrom(
    'Content-Type: text/plain',
    'Content-Encoding: gzip',
    'Content-Encoding: deflate',
    'Content-Encoding: br',
    'Content-Length: 5',
    'Content-Length: 99999999999',
    'Content-Length: -1',
    'Transfer-Encoding: chunked',
    'Location: http://127.0.0.1:1/',
    'Location: \t',
    'Set-Cookie: a=b',
    'Connection: keep-alive',
    'Connection: Upgrade',
    'no header at all',
    `X-Long: ${'x'.repeat(20_000)}`,
  ),
  fc.string({ maxLength: 20 }).map((text) => `X-Any: ${text}`),
);
const status = fc.oneof(
  { weight: 6, arbitrary: fc.constant('200 OK') },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 599 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('101 Switching Protocols', '204', '304', '302 Found', '99999', 'x', '') },
);
const answer: fc.Arbitrary<RawWechatAnswer> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(status, fc.array(header, { maxLength: 2 }), body, fc.boolean())
      .map(([line, headers, bytes, isZipped]) => {
        const sent = isZipped && headers.includes('Content-Encoding: gzip') ? gzipSync(bytes) : bytes;
        return Buffer.concat([Buffer.from(['HTTP/1.1 ' + line, ...headers, '', ''].join('\r\n'), 'latin1'), sent]);
      }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom<RawWechatAnswer>('reset', 'endless') },
);
/** A decent answer with any body. */
const http200 = (text: string) => Buffer.from(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${text}`);

const raw = await startRawWechat({ onClose });
const openClient = () => {
  const client = createWechatClient(raw.url);
  onClose(async () => client.close());
  return client;
};
const client = openClient();
let codes = 0;
const exchange = (given: RawWechatAnswer, timeoutMs = 2000, asker = client): Promise<Exchange> => {
  const code = `c${codes++}`;
  raw.answers.set(code, given);
  const asked = code2Session(asker, { appid: 'wx', secret: 's', code }, timeoutMs);
  return asked.finally(() => raw.answers.delete(code));
};

function checkExchange(result: Exchange): void {
  if (result.kind === 'session') {
    const { openId, sessionKey, unionId = 'u', expiresIn = 0 } = result;
    if (![openId, sessionKey, unionId].every(isToken)) throw new Error('not what the database can hold');
    if (!isJsonForPhp(Buffer.from(JSON.stringify([openId, unionId, expiresIn])))) throw new Error('not for the wire');
    if (JSON.stringify(expiresIn) === 'null') throw new Error('no duration');
  } else if (result.kind === 'refused') {
    if (!/^(-?\d{1,10}|unknown)$/.test(result.errcode)) throw new Error('no token');
  } else if (result.kind === 'unreachable') {
    if (!/^wechat_[a-z0-9_]+$/.test(result.reason)) throw new Error('no token');
  }
}

test.serial('any answer of WeChat to a code is a session, a refusal or a failure, in time', async (t) => {
  await checkManyAtOnce(answer, async (given) => checkExchange(await exchange(given)), { runs: 2500, atOnce: 16 });
  t.pass();
});

test.serial('openid and session_key make a log-in whatever else the answer holds', async (t) => {
  // With connections of its own: on those of the test before there may lie what is no answer to anything.
  const fresh = openClient();
  await checkManyAtOnce(
    success,
    async (text) => {
      const result = await exchange(http200(text), undefined, fresh);
      checkExchange(result);
      const { openid } = JSON.parse(text) as { openid: string };
      const expected = isJsonForPhp(Buffer.from(text)) ? `session ${openid}` : 'invalid ';
      const { kind, openId = '' } = result as { kind: string; openId?: string };
      if (`${kind} ${openId}` !== expected) throw new Error(`${kind} ${openId}`);
    },
    { runs: 1000, atOnce: 16 },
  );
  t.pass();
});

test.serial('any text is fields, a refusal or nonsense for the other calls to WeChat', async (t) => {
  await checkProperty(
    fc.property(fc.oneof(answerText, fc.string()), (text) => {
      const result = readFields({ kind: 'body', text });
      return ['ok', 'refused', 'invalid'].includes(result.kind) || text === '';
    }),
    3000,
  );
  t.pass();
});

test.serial('a WeChat that says nothing costs a call its time-out and no more', async (t) => {
  t.deepEqual(await exchange('silence', 100), { kind: 'unreachable', reason: 'wechat_timeout' });
});

/** The quota of the app is used up: nobody is asked for a minute, and every answer would be that one. */
const isPause = (given: RawWechatAnswer) => typeof given !== 'string' && Buffer.from(given).includes('45009');

test.serial('whatever WeChat answers, a log-in is a whole session or a failure', async (t) => {
  const stack = await startStack({ onClose, env: { WECHAT_API_BASE: raw.url, WECHAT_TIMEOUT_MS: '2000' } });
  const [url] = stack.urls;
  const poster = createPoster();
  const logIn = async (given: RawWechatAnswer): Promise<void> => {
    const code = `stack${codes++}`;
    raw.answers.set(code, given);
    const request = { interface: { interfaceName: 'qcloud.cam.id_skey', para: { code } } };
    const envelope = readEnvelope(await poster.post(`${url}/mina_auth/`, JSON.stringify(request)));
    raw.answers.delete(code);
    const told = `${envelope.returnCode} ${envelope.reason ?? ''}`;
    if (envelope.returnCode === 0) {
      const { id, skey, duration } = envelope.returnData as Record<string, unknown>;
      if (![id, skey].every((value) => /^[0-9a-f]{32}$/.test(String(value)))) throw new Error('no session');
      if (!['number', 'string'].includes(typeof duration)) throw new Error('no duration');
    } else if (
      !/^(40029 wechat:(-?\d+|unknown)|1005 wechat_\w+|1007 wechat_answer_invalid|1006 overloaded)$/.test(told)
    ) {
      throw new Error(told);
    }
  };
  await checkManyAtOnce(
    answer.filter((given) => !isPause(given)),
    logIn,
    { runs: 500, atOnce: 16 },
  );
  await until('a log-in succeeds', async () => {
    const user = newUser();
    raw.answers.set(user, http200('{"openid":"after","session_key":"tiihtNczf5v6AKRyjwEUhQ=="}'));
    return (await login(url, user)).returnCode === 60021;
  });
  poster.close();
  t.pass();
});
