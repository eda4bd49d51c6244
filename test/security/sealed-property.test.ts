import { randomBytes } from 'node:crypto';
import test from 'ava';
import * as fc from 'fast-check';
import { createUser, phoneInfoOf } from '../../apps/wechat-simulator/users.ts';
import {
  readLegacyUserData,
  readUserData,
  readWholeLegacyData,
  type DataOwner,
  type UserDataKind,
} from '../../apps/worker/user-data.ts';
import { call, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { checkManyAtOnce, checkProperty } from '../support/properties.ts';
import type { Sealed } from '../support/sealed-data.ts';
import { startStack, testAppid } from '../support/stack.ts';
import {
  checkProfile,
  checkTold,
  cutAtFront,
  cutData,
  cutStarts,
  joinedData,
  luckyData,
  type Attack,
} from './sealed-documents.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({
  onClose,
  webs: 2,
  env: { LEGACY_DECRYPT: 'true' },
});
function makeAttack(hasUnionId: boolean): Attack & { readonly name: string } {
  const name = `${hasUnionId ? 'unionid' : ''}${newUser()}`;
  const { phoneNumber } = phoneInfoOf(testAppid, name);
  return { name, user: createUser(testAppid, name), victim: createUser(testAppid, newUser()), phoneNumber };
}

const kinds: readonly UserDataKind[] = ['profile', 'phone', 'any'];
const app = { appid: testAppid };

function ownerOf({ user }: Attack, hasUnionId: boolean): DataOwner {
  return { openId: user.openid, sessionKey: user.sessionKey, unionId: hasUnionId ? user.unionid : '' };
}

/** What today's scheme lets through, of any kind. */
function openWithIv(attack: Attack, hasUnionId: boolean, { encrypt_data: encryptData, iv }: Sealed): string[] {
  return kinds.flatMap((kind) => {
    const opened = readUserData(kind, { encryptData, iv }, ownerOf(attack, hasUnionId), app, 1);
    return typeof opened === 'string' ? [] : [opened.text];
  });
}

/** What the scheme of 2016 lets through. */
function openLegacy(attack: Attack, hasUnionId: boolean, { encrypt_data: encryptData }: Sealed): string[] {
  const owner = ownerOf(attack, hasUnionId);
  const legacy = readLegacyUserData(encryptData, owner, app);
  const opened = [typeof legacy === 'string' ? legacy : legacy.document, readWholeLegacyData(encryptData, owner, app)];
  return opened.flatMap((each) => (typeof each === 'string' ? [] : [each.text]));
}

test('whatever is made of sealed data, no reader opens what names somebody else', async (t) => {
  let opened = 0;
  await checkProperty(
    fc.property(fc.oneof(joinedData, luckyData, cutData), fc.boolean(), (recipe, hasUnionId) => {
      const attack = makeAttack(hasUnionId);
      const data = recipe(attack);
      const withIv = openWithIv(attack, hasUnionId, data);
      for (const text of withIv) checkProfile(text, attack);
      for (const text of [...withIv, ...openLegacy(attack, hasUnionId, data)]) {
        opened++;
        // In the scheme of 2016 the vectors let a whole profile keep its unionId, whatever WeChat says.
        checkTold(text, attack, false);
      }
    }),
    6000,
  );
  t.true(opened > 150, `${opened} were opened: the property looks at something`);
});

test('wherever a profile is cut, what is let through as one names its user', (t) => {
  const attack = makeAttack(false);
  let opened = 0;
  for (let nickNameLength = 0; nickNameLength < 16; nickNameLength++) {
    for (let from = 0; from < 20; from++) {
      for (const start of cutStarts) {
        const data = cutAtFront(attack, nickNameLength, from, start);
        for (const text of openWithIv(attack, false, data)) {
          opened++;
          checkProfile(text, attack);
        }
      }
    }
  }
  t.true(opened > 10, `${opened} were opened`);
});

test('no answer and no row differs from what WeChat said of the user', async (t) => {
  let opened = 0;
  const arbitrary = fc.tuple(fc.oneof(joinedData, luckyData, cutData), fc.boolean());
  await checkManyAtOnce(
    arbitrary,
    async ([recipe, hasUnionId], index) => {
      const attack = makeAttack(hasUnionId);
      const data = recipe(attack);
      const url = stack.urls[index % 2] as string;
      const logIn = (para: object) =>
        call(url, 'qcloud.cam.id_skey', { code: `${attack.name}~${randomBytes(4).toString('hex')}`, ...para });
      const { returnData: session } = await logIn({});
      const ask = (name: string, para: object) => call(url, `qcloud.cam.${name}`, { ...session, ...para });
      const answers = [
        await ask('decrypt', data),
        await ask('decrypt', { encrypt_data: data.encrypt_data }),
        await ask('phone', data),
        await ask('userinfo', data),
        await ask('auth', {}),
        await logIn(data),
        await logIn({ encrypt_data: data.encrypt_data }),
      ];
      const last = await logIn({});
      answers.push(last, await call(url, 'qcloud.cam.auth', last.returnData));
      opened += answers.slice(0, 4).filter(({ returnCode }) => returnCode === 0).length;
      for (const { text } of answers) checkTold(text, attack, false);
      // Before the scheme of 2016 was asked for: the vectors let its profiles be anything.
      for (const { returnCode, returnData } of answers.slice(3, 6)) {
        if (returnCode === 0) checkProfile(JSON.stringify(returnData.user_info), attack);
      }
      const rows = await stack.database.query<{ user_info: string; union_id: string | null; open_id: string }>(
        'select user_info, union_id, open_id from cSessionInfo where open_id in (?, ?)',
        [attack.user.openid, attack.victim.openid],
      );
      for (const { user_info: stored, union_id: unionId, open_id: openId } of rows) {
        checkTold(Buffer.from(stored, 'base64').toString(), attack, hasUnionId);
        if (openId !== attack.user.openid) throw new Error('a row of somebody else');
        if (unionId !== (hasUnionId ? attack.user.unionid : null)) throw new Error(`unionId ${unionId}`);
      }
    },
    { runs: 120, atOnce: 6 },
  );
  t.true(opened > 0, `${opened} were opened`);
});
