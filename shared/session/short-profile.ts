/**
 * What profiles on the wire have in common: names of members, WeChat's hosts, and since 2021 the name and the picture that all users have who
 * do not tell theirs. In an entry of the cache each is one byte.
 *
 * Never changed: other phrases are another version of the entry's format.
 */
export const profilePhrases: readonly string[] = [
  '{"openId":"',
  '","nickName":"',
  '\\u5fae\\u4fe1\\u7528\\u6237',
  '","gender":',
  '0,"language":"","city":"","province":"","country":"","avatarUrl":"',
  ',"language":"zh_CN","city":"',
  ',"language":"',
  '","city":"',
  '","province":"',
  '","country":"',
  '","avatarUrl":"',
  'https:\\/\\/thirdwx.qlogo.cn\\/mmopen\\/vi_32\\/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg\\/132',
  'https:\\/\\/thirdwx.qlogo.cn\\/mmopen\\/vi_32\\/',
  'https:\\/\\/wx.qlogo.cn\\/mmopen\\/vi_32\\/',
  'http:\\/\\/wx.qlogo.cn\\/mmopen\\/vi_32\\/',
  '\\/132","watermark":{"timestamp":',
  '\\/0","watermark":{"timestamp":',
  '","watermark":{"timestamp":',
  ',"is_demote":true',
  ',"watermark":{"timestamp":',
  ',"appid":"',
  '","unionId":"',
  '"}}',
];

/** Control characters, which JSON escapes: no text holds them. */
const codeOf = new Map(
  profilePhrases.map((phrase, index) => [phrase, String.fromCodePoint(index < 9 ? index + 1 : index + 2)]),
);
const phraseOf = new Map([...codeOf].map(([phrase, code]) => [code, phrase]));
/** What a profile says of its user once more. */
const ownCodes = ['\u001d', '\u001e', '\u001f'] as const;
/** Shorter ones might stand in many places, and save little. */
const leastOwnLength = 8;

const longestFirst = profilePhrases.toSorted((one, other) => other.length - one.length);
const anyPhrase = new RegExp(longestFirst.map((phrase) => phrase.replace(/[\\{}.]/g, String.raw`\$&`)).join('|'), 'g');
// eslint-disable-next-line no-control-regex -- these are the codes
const anyCode = /[\u0001-\u001f]/g;

/** What an entry knows of its user beside the profile: openId, appid, unionId. */
export type OwnTexts = readonly [openId: string, appid: string, unionId: string];

/** @returns undefined for a text that is no ASCII JSON, and would not come back as it is */
export function shortenProfile(json: string, own: OwnTexts): string | undefined {
  if (json.search(anyCode) >= 0) return undefined;
  let text = json;
  own.forEach((value, index) => {
    if (value.length >= leastOwnLength) text = text.replaceAll(value, ownCodes[index] as string);
  });
  return text.replace(anyPhrase, (phrase) => codeOf.get(phrase) as string);
}

/** @returns undefined for what was not shortened by this list */
export function expandProfile(text: string, own: OwnTexts): string | undefined {
  let isWhole = true;
  const json = text.replace(anyCode, (code) => {
    const index = ownCodes.indexOf(code as (typeof ownCodes)[number]);
    const phrase = index >= 0 ? own[index] : phraseOf.get(code);
    if (phrase === undefined) isWhole = false;
    return phrase ?? '';
  });
  return isWhole ? json : undefined;
}
