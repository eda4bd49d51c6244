import { createDecipheriv } from 'node:crypto';
import test from 'ava';
import { createUser } from '../../apps/wechat-simulator/users.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import {
  knownBlocks,
  profileText,
  sealBytes,
  sealLegacy,
  sealText,
  xor,
  type KnownBlock,
} from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, env: { LEGACY_DECRYPT: 'true' } });
const [url] = stack.urls;
async function logIn(prefix = '') {
  const name = `${prefix}${newUser()}`;
  const { returnData: session } = await call(url, 'qcloud.cam.id_skey', { code: `${name}~1` });
  return { name, session: session as object, user: createUser(testAppid, name) };
}
const victim = createUser(testAppid, newUser());

test.serial('with LEGACY_DECRYPT a profile of this very user decrypts without an iv', async (t) => {
  const { session, user } = await logIn();
  for (const text of [
    profileText(user.openid, 'x', testAppid),
    '{"b":1,"10":2,"a":12345678901234567890}',
    `{"openid":"${user.openid}"}`,
  ]) {
    const answer = await call(url, 'qcloud.cam.decrypt', {
      ...session,
      encrypt_data: sealLegacy(user.sessionKey, text),
    });
    t.deepEqual([answer.returnMessage, answer.returnData], ['DECRYPT_SUCCESS', text]);
  }
});

test.serial('without an iv only an object in whole padding that names nobody else passes', async (t) => {
  const { session, user } = await logIn();
  const key = Buffer.from(user.sessionKey, 'base64');
  const padded = (text: string) => sealBytes(user.sessionKey, Buffer.from(text, 'latin1'), key).encrypt_data;
  const wrong = [
    padded('{"a":1}XXXXXXX\0\t'),
    padded(`{"a":1}${'\x19'.repeat(25)}`),
    padded('{"abcdef":12345}'),
    padded(`{"a":1}${'\0'.repeat(9)}`),
    ...['42', '[1,"a"]', '"text"', 'null', 'no JSON', '{"a":"\\ud800"}'].map((text) =>
      sealLegacy(user.sessionKey, text),
    ),
    ...['openId', 'open\\u0049d', 'OPENID', 'open_id'].map((name) =>
      sealLegacy(user.sessionKey, `{"${name}":"${victim.openid}"}`),
    ),
    sealLegacy(user.sessionKey, `{"openId":"${victim.openid}","openId":"${user.openid}"}`),
    sealLegacy(user.sessionKey, `{"a":[{"openId":"${victim.openid}"}]}`),
    sealLegacy(user.sessionKey, `{"unionId":"${victim.unionid}"}`),
    sealLegacy(user.sessionKey, '{"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86"}'),
  ];
  const answers = new Set<string>();
  for (const encryptData of wrong) {
    const answer = await call(url, 'qcloud.cam.decrypt', { ...session, encrypt_data: encryptData });
    answers.add(`${answer.reason} ${answer.text}`);
    t.is(answer.returnCode, 60021, answer.text);
  }
  t.is(answers.size, 1, [...answers].join('\n'));
});

/**
 * Pairs of blocks that a user may find by trying: what is left of the first after the padding that the second seems to hold is JSON
 * where the key is the iv, so that whoever is told it knows a byte of the key. The search uses the key; the attacker has patience.
 */
function luckyPairs(user: ReturnType<typeof createUser>, count: number): string[] {
  const key = Buffer.from(user.sessionKey, 'base64');
  const found: string[] = [];
  while (found.length < count) {
    const text = profileText(user.openid, newUser(), testAppid);
    const blocks = knownBlocks(sealText(user.sessionKey, text), text);
    for (const first of blocks.filter(({ mixed }) => isDigit(xor(mixed, key)[0] ?? 0))) {
      const second = blocks.find((block) => xor(block.mixed, first.cipher)[15] === 31);
      if (second !== undefined) found.push(toData(first, second));
    }
  }
  return found;
}
const isDigit = (byte: number) => byte >= 0x31 && byte <= 0x39;
const toData = (...blocks: KnownBlock[]) => Buffer.concat(blocks.map(({ cipher }) => cipher)).toString('base64');

test.serial('no pair of blocks tells a byte of the key, at decrypt or at a log-in', async (t) => {
  const { name, session, user } = await logIn();
  const key = Buffer.from(user.sessionKey, 'base64');
  let current = session;
  for (const encryptData of luckyPairs(user, 5)) {
    const decipher = createDecipheriv('aes-128-cbc', key, key).setAutoPadding(false);
    const plain = Buffer.concat([decipher.update(encryptData, 'base64'), decipher.final()]);
    t.true(isDigit(plain[0] ?? 0) && plain[31] === 31, 'the test would see it');
    const answer = await call(url, 'qcloud.cam.decrypt', { ...current, encrypt_data: encryptData });
    t.is(answer.returnMessage, 'GET_SESSION_KEY_SUCCESS_BUT_DECRYPT_FAIL');
    const { returnData } = await call(url, 'qcloud.cam.id_skey', {
      code: `${name}~${newUser()}`,
      encrypt_data: encryptData,
    });
    t.is(returnData.user_info, null);
    current = returnData;
  }
});
