import { randomBytes } from 'node:crypto';
import test from 'ava';
import { readLegacyUserData, readUserData, readWholeLegacyData } from '../../../apps/worker/user-data.ts';
import { sealLegacy, sealText } from '../../support/sealed-data.ts';

const appid = 'wxinwecom000000000';
const app = { appid, kind: 'wecom', secret: 'ww1:secret-of-ww1 ww2:secret-of-ww2' };
const sessionKey = randomBytes(16).toString('base64');
const watermark = { timestamp: 1, appid };
const ofFirst = { openId: 'ZhangSan', sessionKey };
const ofSecond = { openId: 'ww2/LiSi', sessionKey };

const read = (kind: 'profile' | 'any', data: object, owner = ofFirst, of: object = app) => {
  const { encrypt_data: encryptData, iv } = sealText(sessionKey, JSON.stringify({ ...data, watermark }));
  const opened = readUserData(kind, { encryptData, iv }, owner, { appid, ...of }, 1);
  return typeof opened === 'string' ? opened : (opened.value as object);
};
const strangers: readonly object[] = [
  { userid: 'the.boss' },
  { userid: 'the.boss', corpid: 'ww1', name: 'Boss', gender: 1 },
  { userid: 'ZhangSan', corpid: 'ww2', name: 'Boss', gender: 1 },
  { UserId: 'the.boss', nickName: 'x' },
  { user_id: 'the.boss', nickName: 'x' },
  { user: { USERID: 'the.boss' }, nickName: 'x' },
  { userid: ['the.boss'], nickName: 'x' },
  { CorpId: 'ww2', nickName: 'x' },
];

test('in WeCom data that name another userid or company are other_user', (t) => {
  for (const data of strangers)
    for (const kind of ['profile', 'any'] as const) t.is(read(kind, data), 'other_user', JSON.stringify(data));
  t.is(read('any', { userid: 'LiSi', corpid: 'ww1' }, ofSecond), 'other_user');
  t.is(read('any', { userid: 'ww2/LiSi' }, ofSecond), 'other_user');
});

test('in WeCom what a member of a company is told of himself is his profile', (t) => {
  const own = { corpid: 'ww1', userid: 'ZhangSan', name: '张三', gender: 0 };
  const { name, ...withoutName } = own;
  t.is(name, '张三');
  for (const data of [own, withoutName])
    for (const kind of ['profile', 'any'] as const)
      t.deepEqual(read(kind, data), { ...data, watermark, openId: 'ZhangSan' });
  const second = { corpid: 'ww2', userid: 'LiSi', name: '李四', gender: 2 };
  t.deepEqual(read('profile', second, ofSecond), { ...second, watermark, openId: 'ww2/LiSi' });
});

test('in WeCom a piece that names nobody is no profile, nor one with other types', (t) => {
  for (const data of [
    { name: 'Boss', gender: 1 },
    { userid: '', name: 'Boss', gender: 1 },
    { userid: null, nickName: 'x' },
    { UserId: 'ZhangSan', nickName: 'x' },
    { userid: 'ZhangSan', gender: '1' },
    { userid: 'ZhangSan', name: 7, gender: 1 },
    { userid: 'ZhangSan', gender: 1, mobile: '13800138000' },
  ])
    t.is(read('profile', data), 'user_data_not_decrypted', JSON.stringify(data));
  t.is(read('any', { name: 'Boss', gender: 1 }), 'user_data_not_decrypted');
  t.is(read('any', { userid: '', name: 'Boss' }), 'user_data_not_decrypted');
});

test('in WeCom a mobile is phone data, alone or not at all, and off with it', (t) => {
  const mobile = { mobile: '13800138000' };
  t.deepEqual(read('any', mobile), { ...mobile, watermark });
  t.is(read('any', mobile, ofFirst, { ...app, refusesPhoneData: true }), 'user_data_not_decrypted');
  for (const data of [{ ...mobile, userid: 'ZhangSan' }, { mobile: 'x' }, { Mobile: '13800138000' }])
    t.is(read('any', data), 'user_data_not_decrypted', JSON.stringify(data));
});

test('in WeCom the scheme of 2016 knows no other userid and no mobile either', (t) => {
  for (const [data, fault] of [
    [{ userid: 'the.boss' }, 'other_user'],
    [{ mobile: '13800138000' }, 'user_data_not_decrypted'],
  ] as const) {
    const sealed = sealLegacy(sessionKey, JSON.stringify(data));
    t.is(readLegacyUserData(sealed, ofFirst, app), fault);
    t.is(readWholeLegacyData(sealed, ofFirst, app), fault);
  }
});

test('elsewhere a userid, a corpid and a mobile are data as any other', (t) => {
  const data = { userid: 'the.boss', corpid: 'ww2', mobile: '13800138000' };
  t.deepEqual(read('any', data, ofFirst, {}), { ...data, watermark });
});
