import { parsePhpJson, parsePhpJsonText, type JsonDocument } from '../protocol/php-json.ts';
import { withMembers } from '../protocol/json-members.ts';
import { toAsciiJson } from '../protocol/ascii-json.ts';
import { namesAnother, type WechatUser } from './wechat-user.ts';

// Unambiguous: whatever cannot be matched is given up after one look at each character.
const base64 = /^[A-Za-z0-9+/\s]+(?:={1,2}\s*)?$/;

/**
 * Reads a stored user_info: base64 of JSON, as the original writes it, or JSON as the second-generation Wafer SDKs do.
 * @returns undefined if it is neither, such as base64 that an unwidened column cut off.
 */
export function decodeUserInfo(stored: string): JsonDocument | undefined {
  const fromBase64 = base64.test(stored) ? parsePhpJson(Buffer.from(stored, 'base64')) : undefined;
  return fromBase64 ?? parsePhpJsonText(stored);
}

/** As {@link decodeUserInfo}, for the row of this user: a profile that names another is none. */
export function readUserInfo(stored: string, user: WechatUser): JsonDocument | undefined {
  const document = decodeUserInfo(stored);
  return document === undefined || namesAnother(withMembers(document), user) ? undefined : document;
}

const rendered = new WeakMap<JsonDocument, string>();

/** A profile as it goes over the wire: ASCII JSON, or `null` where there is none. */
export function renderUserInfo(document: JsonDocument | undefined): string {
  if (document === undefined) return 'null';
  // A log-in answers the profile that it puts into the cache.
  const known = rendered.get(document);
  if (known !== undefined) return known;
  const text = toAsciiJson(document.text);
  rendered.set(document, text);
  return text;
}

/** A user of whom only WeChat's answer is known, in the shape that every SDK reads (the C# SDK wants an integer gender). */
export function placeholderProfile({ openId, unionId }: WechatUser): JsonDocument | undefined {
  const fields = { openId, nickName: '', gender: 0, language: '', city: '', province: '', country: '', avatarUrl: '' };
  return parsePhpJsonText(JSON.stringify(unionId === undefined ? fields : { ...fields, unionId }));
}

/**
 * Whether this is the profile that WeChat hands out since 2021 instead of the user's own: nickName 微信用户, no gender, no place
 * (docs/protocol.md#anonymous), or the placeholder of a log-in with the code alone. One of these, or none at all, never
 * replaces a stored real one.
 */
export function isAnonymous(document: JsonDocument | undefined): boolean {
  const profile = document?.value;
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile))
    return document === undefined || profile === null;
  const { nickName, gender, city, province, country } = profile as Record<string, unknown>;
  return (nickName === '微信用户' || nickName === '') && !gender && !city && !province && !country;
}
