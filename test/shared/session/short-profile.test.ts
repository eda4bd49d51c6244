import { createHash } from 'node:crypto';
import test from 'ava';
import { decodeSession, encodeSession, type Session } from '../../../shared/session/session.ts';
import { renderUserInfo, placeholderProfile, decodeUserInfo } from '../../../shared/session/user-info.ts';

const now = 1_800_000_000;
const user = { openId: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE', unionId: 'ocMvos6NjeKLIBqg5Mr9QjxrP1FA' };
const appid = 'wx4f4bc4dec97d474b';

/** As WeChat sends it since 2021, for users who do not tell their own. */
const anonymous = {
  openId: user.openId,
  nickName: '微信用户',
  gender: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  avatarUrl:
    'https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132',
  watermark: { timestamp: 1_477_314_187, appid },
};
const own = {
  ...anonymous,
  nickName: 'Band🐼',
  gender: 1,
  language: 'zh_CN',
  city: 'Guangzhou',
  province: 'Guangdong',
  country: 'CN',
  avatarUrl:
    'http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0',
  unionId: user.unionId,
};

const render = (profile: object) => renderUserInfo(decodeUserInfo(JSON.stringify(profile)));
const sessionOf = (userInfoJson: string): Session => ({
  row: 12_345_678,
  appid,
  ...user,
  skeyHash: 'ZcpKSKTjSGkqZHTYhBhWnQ',
  createTime: now,
  lastVisitTime: now,
  fence: now * 1_000_000,
  userInfoJson,
});

for (const [what, profile, length] of [
  ['an anonymous profile', render(anonymous), 21],
  ["a user's own profile", render(own), 167],
  ['a profile of a log-in by the code alone', renderUserInfo(placeholderProfile(user)), 9],
] as const)
  test(`${what} comes back from an entry as it was, and takes ${length} bytes there`, (t) => {
    const entry = encodeSession(sessionOf(profile), 'tag', now);
    t.is(decodeSession(entry, now)?.userInfoJson, profile);
    t.is(Buffer.byteLength(entry.slice(entry.indexOf('\n') + 1)), length);
  });

test('what a phrase is short for stays the same as long as there are entries with it', (t) => {
  const codes = Array.from({ length: 31 }, (_, index) => String.fromCodePoint(index + 1)).filter(
    (code) => code !== '\n',
  );
  const head = encodeSession(sessionOf('null'), 'tag', now).split('\n')[0];
  const phrases = codes.map((code) => decodeSession(`${head}\n${code}`, now)?.userInfoJson ?? null);
  const digest = createHash('sha256').update(JSON.stringify(phrases)).digest('hex');
  t.is(digest, 'e4e56c2f25b2432ea5466559815f3db0ef22247207799259a74eeb5eaba49482');
});

test('an entry of the version before is read as it is', (t) => {
  const entry = encodeSession(sessionOf('null'), 'tag', now).replace(/^3 /, '2 ').replace('null', render(own));
  t.is(decodeSession(entry, now)?.userInfoJson, render(own));
});

test('an entry with a code that stands for nothing is not cached', (t) => {
  t.is(decodeSession(`${encodeSession(sessionOf('null'), 'tag', now)}\u001c`, now), undefined);
});
