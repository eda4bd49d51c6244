import { withMembers, type JsonMember, type JsonWithMembers } from '../protocol/json-members.ts';
import { parsePhpJsonText, type JsonDocument } from '../protocol/php-json.ts';

/** A user by what WeChat itself answered for his code. Nothing else says who a user is (docs/adr/0027-decrypted-data.md). */
export interface WechatUser {
  readonly openId: string;
  /** '' or undefined if WeChat named none. */
  readonly unionId?: string | undefined;
  /** In apps inside WeCom, whose data name users by these. */
  readonly wecom?: WecomUser | undefined;
}

export interface WecomUser {
  readonly userid: string;
  /** undefined if it is not known: then data that name a company name another's. */
  readonly corpid: string | undefined;
}

/** By the plain name. */
const identityNames: ReadonlyMap<string, 'openId' | 'unionId'> = new Map([
  ['OPENID', 'openId'],
  ['UNIONID', 'unionId'],
]);
const wecomNames: ReadonlyMap<string, keyof WecomUser> = new Map([
  ['USERID', 'userid'],
  ['CORPID', 'corpid'],
]);

/**
 * Whether a profile names somebody else than its user, anywhere in it and in any spelling. null and '' name nobody.
 *
 * One unionId is let through that WeChat did not say: in a whole profile with the user's own openId, as apps without an Open Platform
 * account have had them (conformance vector `login-new-new`). What is cut or joined is never whole.
 * @param toldUnionId what WeChat said of the unionId counts; false: for such a profile it does not (vector `login-wx-unionid`)
 */
export function namesAnother(
  { value, members }: JsonWithMembers,
  user: WechatUser,
  { toldUnionId = true }: { readonly toldUnionId?: boolean } = {},
): boolean {
  let stranger: JsonMember | undefined;
  let unionIds = 0;
  for (const member of members) {
    if (member.value === null || member.value === '') continue;
    const wecomField = wecomNames.get(member.plainName);
    if (user.wecom !== undefined && wecomField !== undefined && member.value !== user.wecom[wecomField]) return true;
    const field = identityNames.get(member.plainName);
    if (field === undefined) continue;
    if (field === 'unionId') unionIds++;
    if (member.value !== undefined && member.value === user[field]) continue;
    if (field === 'openId' || unionIds > 1) return true;
    stranger = member;
  }
  if (stranger !== undefined) {
    const mayBe = !user.unionId || !toldUnionId;
    const isPlain = unionIds === 1 && typeof stranger.value === 'string' && isOwnField(stranger, 'unionId');
    return !mayBe || !isPlain || !isWholeProfile(value) || value.openId !== user.openId;
  }
  // A text that holds JSON again is read as such by whoever gets a text instead of an object.
  const inner = typeof value === 'string' ? parsePhpJsonText(value) : undefined;
  return inner !== undefined && namesAnother(withMembers(inner), user);
}

/** Whether it is a field of the document itself, spelled as WeChat does. */
function isOwnField({ depth, name }: JsonMember, field: 'openId' | 'unionId'): boolean {
  return depth === 1 && name === field;
}

interface Profile {
  readonly openId?: unknown;
  readonly unionId?: unknown;
}

/** Whether it has the fields of every profile of WeChat, the anonymous one among them. */
function isWholeProfile(value: unknown): value is Profile {
  if (typeof value !== 'object' || value === null) return false;
  const { nickName, gender, city, province, country } = value as Record<string, unknown>;
  return typeof gender === 'number' && [nickName, city, province, country].every((field) => typeof field === 'string');
}

/**
 * Gives a profile that names nobody what WeChat said of its user; what it has keeps its order and spelling. Whoever is told a profile
 * finds in it who the user is, however much of it was cut off.
 * @param profile an object that is not empty, has each name once and names nobody else
 */
export function completeProfile(profile: JsonDocument, user: WechatUser): JsonDocument {
  const { openId, unionId } = profile.value as Profile;
  if (openId && (unionId || !user.unionId)) return profile;
  let text = profile.text;
  for (const field of ['openId', 'unionId'] as const) {
    const known = user[field];
    if (!known) continue;
    // Of this text, not of the one that came: the first field may have moved the second.
    const member = withMembers({ text, value: profile.value }).members.find((each) => isOwnField(each, field));
    if (member === undefined) text = insert(text, text.lastIndexOf('}'), `,"${field}":${JSON.stringify(known)}`);
    else if (member.value === null) text = insert(text, member.valueAt, JSON.stringify(known), 'null');
    else if (member.value === '') text = insert(text, member.valueAt, JSON.stringify(known), '""');
  }
  return text === profile.text ? profile : (parsePhpJsonText(text) as JsonDocument);
}

function insert(text: string, at: number, part: string, instead = ''): string {
  return text.slice(0, at) + part + text.slice(at + instead.length);
}
