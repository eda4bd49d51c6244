import type { JsonMember, JsonWithMembers } from '../../shared/protocol/json-members.ts';

// Sealed data of all kinds are alike until they are open. Each kind is told from the others by its whole shape, so that a piece of one
// kind does not pass for another.

const phoneNames = new Set(['PHONENUMBER', 'PUREPHONENUMBER', 'COUNTRYCODE']);
/** Of wx.qy.getMobile, in apps inside WeCom. */
const wecomPhoneNames = new Set([...phoneNames, 'MOBILE']);
/** Of a group, and of steps. */
const otherNames = ['OPENGID', 'STEPINFOLIST'];
/** Of a phone number, and of other things that WeChat seals. */
const namesOfOthers = new Set([...phoneNames, ...otherNames]);
const namesOfOthersInWecom = new Set([...wecomPhoneNames, ...otherNames]);
/** The fields of WeChat's profiles; of what WeChat gives no more since 2021 each may be empty. */
const profileTypes: ReadonlyMap<string, 'string' | 'number'> = new Map([
  ['NICKNAME', 'string'],
  ['GENDER', 'number'],
  ['LANGUAGE', 'string'],
  ['CITY', 'string'],
  ['PROVINCE', 'string'],
  ['COUNTRY', 'string'],
  ['AVATARURL', 'string'],
]);

/** By which users are named in WeCom, as WeChat spells them. */
const wecomNames: ReadonlyMap<string, string> = new Map([
  ['USERID', 'userid'],
  ['CORPID', 'corpid'],
]);

/**
 * A user's profile: it has a name, WeChat's fields have WeChat's types, and there is nothing of another kind. In WeCom what
 * wx.qy.getEnterpriseUserInfo gives is one: in the place of the name, which apps of others do not get, stands the userid
 * (https://developer.work.weixin.qq.com/document/path/92396).
 */
export function isProfile(document: JsonWithMembers, isInWecom = false): boolean {
  const members = readOwnMembers(document);
  return (
    members !== undefined &&
    (hasNickName(document) || (isInWecom && hasUserid(document))) &&
    !hasName(members, isInWecom ? namesOfOthersInWecom : namesOfOthers) &&
    members.every((member) => {
      const profile = document.value as Record<string, unknown>;
      return member.depth !== 1 || (mayBeOfProfile(member, profile) && (!isInWecom || mayBeOfWecom(member, profile)));
    })
  );
}

/** Whether a field has its type, however it is spelled; nobody is named as a user in a spelling that is not WeChat's. */
function mayBeOfProfile({ name, plainName }: JsonMember, profile: Readonly<Record<string, unknown>>): boolean {
  if (plainName === 'OPENID') return name === 'openId';
  const type = profileTypes.get(plainName);
  return type === undefined || typeof profile[name] === type;
}

function mayBeOfWecom({ name, plainName, value }: JsonMember, profile: Readonly<Record<string, unknown>>): boolean {
  const spelling = wecomNames.get(plainName);
  if (spelling !== undefined) return name === spelling && typeof value === 'string' && value !== '';
  return plainName !== 'NAME' || typeof profile[name] === 'string';
}

const phoneFields = ['countryCode', 'phoneNumber', 'purePhoneNumber', 'watermark'].join();
const watermarkFields = ['appid', 'timestamp'].join();

interface PhoneInfo {
  readonly phoneNumber: unknown;
  readonly purePhoneNumber: unknown;
  readonly countryCode: unknown;
  readonly watermark: { readonly timestamp: unknown };
}

/** WeChat's phone_info: these fields and no other, each once, in digits, and both numbers the same one. */
export function isPhoneInfo(document: JsonWithMembers): boolean {
  const members = readOwnMembers(document);
  if (members === undefined || namesAt(1, members) !== phoneFields || namesAt(2, members) !== watermarkFields)
    return false;
  if (members.some(({ depth }) => depth > 2)) return false;
  const { phoneNumber, purePhoneNumber, countryCode, watermark } = document.value as PhoneInfo;
  return (
    isText(purePhoneNumber, /^\d{5,20}$/) &&
    isText(countryCode, /^\d{1,4}$/) &&
    [purePhoneNumber, `${countryCode}${purePhoneNumber}`, `+${countryCode}${purePhoneNumber}`].includes(
      phoneNumber as string,
    ) &&
    Number.isSafeInteger(watermark.timestamp)
  );
}

/** What wx.qy.getMobile gives: the number and nothing else. */
function isMobile({ value }: JsonWithMembers, members: readonly JsonMember[]): boolean {
  if (namesAt(1, members) !== 'mobile,watermark' || namesAt(2, members) !== watermarkFields) return false;
  if (members.some(({ depth }) => depth > 2)) return false;
  return isText((value as { mobile: unknown }).mobile, /^[+\d][\d-]{4,19}$/);
}

/**
 * Whatever WeChat seals with a watermark: what has a phone number is phone_info. What has a field of a profile, or an openId that is
 * empty, is a profile: whoever is told it may take it for one.
 */
export function isAnyData(document: JsonWithMembers, takesPhoneData: boolean, isInWecom = false): boolean {
  const members = readOwnMembers(document);
  if (members === undefined) return false;
  if (hasPhoneNumber(document, isInWecom))
    return takesPhoneData && (isPhoneInfo(document) || (isInWecom && isMobile(document, members)));
  return (
    !members.some((member) => member.depth === 1 && isOfProfile(member, isInWecom)) || isProfile(document, isInWecom)
  );
}

function isOfProfile({ plainName, value }: JsonMember, isInWecom: boolean): boolean {
  const namesUser = plainName === 'OPENID' || (isInWecom && wecomNames.has(plainName));
  return profileTypes.has(plainName) || (namesUser && (value === null || value === ''));
}

/** An object of the scheme of 2016, each name once. */
export function isLegacyObject(document: JsonWithMembers, isInWecom: boolean): boolean {
  return readOwnMembers(document) !== undefined && !hasPhoneNumber(document, isInWecom);
}

/** The scheme of 2016 knew no phone numbers, at any depth. */
export function hasPhoneNumber({ members }: JsonWithMembers, isInWecom: boolean): boolean {
  return hasName(members, isInWecom ? wecomPhoneNames : phoneNames);
}

/** @returns undefined if the document is no object, or has a name twice, which WeChat's never have */
function readOwnMembers({ value, members }: JsonWithMembers): readonly JsonMember[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  let count = 0;
  for (const { depth } of members) if (depth === 1) count++;
  return Object.keys(value).length === count ? members : undefined;
}

function hasNickName({ value }: JsonWithMembers): boolean {
  return typeof (value as { nickName?: unknown }).nickName === 'string';
}

function hasUserid({ value }: JsonWithMembers): boolean {
  const { userid, gender } = value as { userid?: unknown; gender?: unknown };
  return typeof userid === 'string' && userid !== '' && typeof gender === 'number';
}

function hasName(members: readonly JsonMember[], names: ReadonlySet<string>): boolean {
  return members.some(({ plainName }) => names.has(plainName));
}

function namesAt(depth: number, members: readonly JsonMember[]): string {
  return members
    .filter((member) => member.depth === depth)
    .map(({ name }) => name)
    .toSorted()
    .join();
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}
