import * as fc from 'fast-check';
import { joinBlocks, knownBlocks, profileText, sealText, type Sealed } from '../support/sealed-data.ts';
import { testAppid } from '../support/stack.ts';

interface Person {
  readonly openid: string;
  readonly unionid: string;
}

/** A user with the key that his data are sealed with, and somebody else whom he would like to be. */
export interface Attack {
  readonly user: Person & { readonly sessionKey: string };
  readonly victim: Person;
  /** Of the user and of nobody else. */
  readonly phoneNumber: string;
}

/** How an attack makes its data; the same for each user. */
export type Recipe = (attack: Attack) => Sealed;

const watermark = { timestamp: 1, appid: testAppid };
const victimNumber = '13900139000';

const idNames = [
  'openId',
  'open\\u0049d',
  'OPENID',
  'openid',
  'open_id',
  'openId ',
  'unionId',
  'unionid',
  'UnionID',
  'union\\u0049d',
];
const phoneNames = ['phoneNumber', 'purePhoneNumber', 'phonenumber', 'phone\\u004eumber', 'PurePhoneNumber'];
const plainFields = [
  '"nickName":"x"',
  '"gender":1',
  '"city":"","province":"","country":""',
  '"language":"zh_CN"',
  '"avatarUrl":"https://wx.qlogo.cn/0"',
  '"countryCode":"86"',
  '"openGId":"g"',
  '"a":[{}]',
  '"nickName":null',
  '"nick_name":7',
  '"gender":"1"',
  '"city":{}',
  '"avatarUrl":null',
  '"openId":""',
  '"OPENID":null',
];
const escape = (text: string) => `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}${text.slice(1)}`;

type Text = (attack: Attack) => string;
type ValueText = (own: string, other: string) => string;
const value = fc.constantFrom<ValueText[]>(
  (own) => JSON.stringify(own),
  (_, other) => JSON.stringify(other),
  (_, other) => `"${escape(other)}"`,
  (_, other) => `[${JSON.stringify(other)}]`,
  () => 'null',
  () => '7',
);
const idMember: fc.Arbitrary<Text> = fc
  .tuple(fc.constantFrom(...idNames), value)
  .map(([name, make]) => ({ user, victim }) => {
    const field = name.toLowerCase().startsWith('o') ? 'openid' : 'unionid';
    return `"${name}":${make(user[field], victim[field])}`;
  });
// One of the two numbers stays the user's own: both need two joints that fell well, 32 bytes of chance.
const phoneMember: fc.Arbitrary<Text> = fc.tuple(fc.constantFrom(...phoneNames), value).map(
  ([name, make]) =>
    ({ phoneNumber }) =>
      `"${name}":${make(phoneNumber, name.toLowerCase().startsWith('pure') ? phoneNumber : victimNumber)}`,
);
const plainMember: fc.Arbitrary<Text> = fc.constantFrom(...plainFields).map((text) => () => text);

const phoneText: Text = ({ phoneNumber }) =>
  JSON.stringify({ phoneNumber, purePhoneNumber: phoneNumber, countryCode: '86', watermark });
const wholeDocuments: readonly Text[] = [
  ({ user }) => profileText(user.openid, 'x', testAppid),
  () => profileText('', 'x', testAppid),
  phoneText,
];

/** Objects with members of every kind, twice and nested, as joints that fell well would make them. */
const documentText: fc.Arbitrary<Text> = fc
  .tuple(
    fc.array(fc.oneof(idMember, phoneMember, plainMember, plainMember), { maxLength: 5 }),
    fc.array(fc.oneof(idMember, phoneMember), { maxLength: 1 }),
    fc.constantFrom(undefined, ...wholeDocuments),
    fc.boolean(),
  )
  .map(([members, nested, base, hasWatermark]) => (attack) => {
    const all = [
      ...(base === undefined ? [] : [base(attack).slice(1, -1)]),
      ...members.map((make) => make(attack)),
      ...(nested.length > 0 ? [`"user":{${nested.map((make) => make(attack)).join()}}`] : []),
      ...(hasWatermark && base === undefined ? [`"watermark":${JSON.stringify(watermark)}`] : []),
    ];
    return `{${all.join()}}`;
  });

/** What only chance and a million tries would make, made with the key. */
export const luckyData: fc.Arbitrary<Recipe> = fc
  .tuple(documentText, fc.boolean())
  .map(([make, isLegacy]) => (attack) => {
    const { sessionKey } = attack.user;
    return sealText(sessionKey, make(attack), isLegacy ? Buffer.from(sessionKey, 'base64') : Buffer.alloc(16, 3));
  });

const starts: readonly ((attack: Attack) => string)[] = [
  ({ victim }) => `{"openId":"${victim.openid.slice(0, 5)}`,
  ({ victim }) => `{"unionId":"${victim.unionid.slice(0, 4)}`,
  () => '{"phoneNumber":"',
  () => '{"nickName":"ab"',
  () => ' '.repeat(16),
];
const nickNames: readonly ((attack: Attack) => string)[] = [
  ({ victim }) => `${'x'.repeat(11)}${victim.openid.slice(5)}`,
  ({ victim }) => `${'x'.repeat(11)}${victim.unionid.slice(4)}`,
  () => `${'x'.repeat(11)}${victimNumber}`,
  () => 'Ada',
];

/** Data cut and joined from the user's own, with an iv of his choice, and bits flipped: all that needs no key. */
export const joinedData: fc.Arbitrary<Recipe> = fc
  .record({
    nickName: fc.constantFrom(...nickNames),
    start: fc.constantFrom(undefined, ...starts),
    pieces: fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 24 }), fc.integer({ min: 1, max: 24 })), {
      minLength: 1,
      maxLength: 3,
    }),
    flips: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { maxLength: 2 }),
  })
  .map(({ nickName, start, pieces, flips }) => (attack) => {
    const { user } = attack;
    const texts = [
      profileText(user.openid, nickName(attack), testAppid),
      phoneText(attack),
      profileText(user.openid, 'Ada', testAppid, { unionId: user.unionid }),
    ];
    const known = texts.map((text) => knownBlocks(sealText(user.sessionKey, text), text));
    const blocks = pieces.flatMap(([which, from, count]) => {
      const all = known[which % known.length] ?? [];
      return all.slice(from % all.length, (from % all.length) + count);
    });
    const joined = joinBlocks(
      blocks,
      start === undefined ? (blocks[0]?.mixed ?? Buffer.alloc(16)) : Buffer.from(start(attack)),
    );
    return { iv: joined.iv, encrypt_data: flip(joined.encrypt_data, flips) };
  });

/** What the first block of a piece is made to be: 16 characters each. */
export const cutStarts: readonly string[] = [
  '{"nickName":"x",',
  '{"nickName":"abc',
  '{"openId":null ,',
  '{"openId":""   ,',
  '{"gender":"x"  ,',
  '{"city":{}     ,',
  '{"a":1         ,',
  '{              ',
].map((start) => start.padEnd(16));

/** Data cut at the front: the profile of somebody with so long a nickname from this block on, which its iv makes what its maker wants. */
export function cutAtFront(
  { user }: Pick<Attack, 'user'>,
  nickNameLength: number,
  from: number,
  start: string,
): Sealed {
  const text = profileText(user.openid, 'x'.repeat(nickNameLength), testAppid);
  const blocks = knownBlocks(sealText(user.sessionKey, text), text);
  return joinBlocks(blocks.slice(from % blocks.length), Buffer.from(start));
}

export const cutData: fc.Arbitrary<Recipe> = fc
  .tuple(fc.nat({ max: 31 }), fc.nat({ max: 23 }), fc.constantFrom(...cutStarts))
  .map(
    ([nickNameLength, from, start]) =>
      (attack) =>
        cutAtFront(attack, nickNameLength, from, start),
  );

function flip(data: string, flips: readonly (readonly [number, number])[]): string {
  const bytes = Buffer.from(data, 'base64');
  for (const [at, bit] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
  return bytes.toString('base64');
}

/**
 * Throws if somebody who is told this text could take the user for his victim.
 * @param hasUnionId whether WeChat named a unionId of the user
 */
export function checkTold(text: string, { user, victim }: Attack, hasUnionId: boolean): void {
  const told = text
    .replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll('\\/', '/');
  if (told.includes(victim.openid)) throw new Error(`another's openId: ${text}`);
  if (told.includes(victimNumber)) throw new Error(`another's number: ${text}`);
  if (!told.includes(victim.unionid)) return;
  // The one that vectors record: WeChat has said none, and the profile is whole and the user's own.
  if (hasUnionId || !told.includes(`"openId":"${user.openid}"`.replaceAll('"', told.includes('\\"') ? '\\"' : '"')))
    throw new Error(`another's unionId: ${text}`);
}

const stringFields = ['nickName', 'language', 'city', 'province', 'country', 'avatarUrl'] as const;

/**
 * Throws if somebody who is told this object, and takes it for a profile, does not find there who the user is, or finds a field of
 * WeChat's that is of another type.
 */
export function checkProfile(text: string, { user }: Attack): void {
  const profile = JSON.parse(text) as Record<string, unknown> | null;
  if (profile === null || !('nickName' in profile || 'openId' in profile || 'gender' in profile)) return;
  if (profile['openId'] !== user.openid) throw new Error(`no openId: ${text}`);
  const isRight =
    stringFields.every((field) => ['string', 'undefined'].includes(typeof profile[field])) &&
    ['number', 'undefined'].includes(typeof profile['gender']);
  if (!isRight) throw new Error(`another type: ${text}`);
}
