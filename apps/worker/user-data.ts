import { createHash, timingSafeEqual } from 'node:crypto';
import type { SignedData } from '../../shared/rpc/contract.ts';
import { withMembers, type JsonWithMembers } from '../../shared/protocol/json-members.ts';
import type { JsonDocument } from '../../shared/protocol/php-json.ts';
import { completeProfile, namesAnother, type WechatUser } from '../../shared/session/wechat-user.ts';
import type { AppWithSecret } from '../../shared/store/app-reader.ts';
import { decryptLegacy, decryptLegacyWhole, decryptWithIv, readJson, readWatermarked } from './decrypt.ts';
import { isSealedInTime, type FormerKey, type UserKey } from './former-keys.ts';
import { hasPhoneNumber, isAnyData, isLegacyObject, isPhoneInfo, isProfile } from './user-data-kinds.ts';
import { wecomUserOf } from './wecom-user.ts';

// Everything that is decrypted goes through here. It is data of whoever sent it: it was sealed for this user, in pieces or whole, and
// says neither who made it what it is nor who the user is (docs/adr/0027-decrypted-data.md).

/** Data that a mini program sends on from WeChat, and what it is for. */
export interface UserData {
  readonly encryptData: unknown;
  readonly iv?: unknown;
  /** Opened by a key alone that made this signature. */
  readonly signed?: SignedData;
}

/** User data that counts. */
export interface OpenedData extends JsonDocument {
  /** A key opened it that was replaced after WeChat had sealed it. */
  readonly isByFormerKey?: true;
}

/** Whose data it has to be, and the keys that may open it. */
export interface DataOwner extends WechatUser {
  readonly sessionKey: string;
  /** For today's scheme alone: in that of 2016 nothing tells when data was sealed. */
  readonly formerKeys?: readonly FormerKey[];
}

/** Why user data is refused, as a token for X-Wafer-Reason. */
export type UserDataFault = 'user_data_not_decrypted' | 'user_data_too_old' | 'other_user';

/** What the data has to be: `any` is whatever WeChat seals for a mini program. */
export type UserDataKind = 'profile' | 'phone' | 'any';

type DataApp = Pick<AppWithSecret, 'appid' | 'watermarkMaxAgeSeconds' | 'refusesPhoneData' | 'kind'> &
  Partial<Pick<AppWithSecret, 'secret'>>;

/**
 * Decrypts user data in today's scheme: whole padding, a watermark of this app, no name of another user, the shape of its kind, and young
 * enough if the app says so. A profile that names nobody gets what WeChat said, for whatever it was asked. With the user's latest key, or
 * a former one where the watermark is of before its end. Every key is tried, whichever opens the data, and no fault tells which did.
 * @param nowSeconds since 1970
 */
export function readUserData(
  kind: UserDataKind,
  userData: UserData,
  owner: DataOwner,
  app: DataApp,
  nowSeconds: number,
): OpenedData | UserDataFault {
  const [opened] = keysFor(userData, owner).flatMap((key) => openWith(key, userData, app));
  if (opened === undefined) return 'user_data_not_decrypted';
  const document = withMembers(opened.document);
  const user = userOf(owner, app);
  if (namesAnother(document, user)) return 'other_user';
  if (!isOfKind(kind, document, app)) return 'user_data_not_decrypted';
  if (kind !== 'any' && !isYoung(document, app, nowSeconds)) return 'user_data_too_old';
  const counting = isProfile(document, isInWecom(app)) ? completeProfile(document, owner) : document;
  return opened.key.replacedAt === undefined ? counting : { ...counting, isByFormerKey: true };
}

function userOf({ openId, unionId }: DataOwner, app: DataApp): WechatUser {
  return { openId, unionId, wecom: wecomUserOf(app, openId) };
}

function isInWecom({ kind }: DataApp): boolean {
  return kind === 'wecom';
}

/** The keys of an owner that may open these data, the latest first. */
function keysFor({ signed }: UserData, { sessionKey, formerKeys = [] }: DataOwner): readonly UserKey[] {
  const keys = [{ sessionKey }, ...formerKeys];
  return signed === undefined ? keys : keys.filter((key) => isSignatureRight(signed, key.sessionKey));
}

/** Whether one of the keys that may open these data made the signature that came along, if one did. */
export function isSignedRight(userData: UserData, owner: DataOwner): boolean {
  return keysFor(userData, owner).length > 0;
}

function openWith(
  key: UserKey,
  { encryptData, iv }: UserData,
  { appid }: DataApp,
): { readonly key: UserKey; readonly document: JsonDocument }[] {
  const document = readWatermarked(decryptWithIv(key.sessionKey, iv, encryptData), appid);
  return document !== undefined && isSealedInTime(timestampOf(document), key) ? [{ key, document }] : [];
}

/**
 * Decrypts a log-in's data in the scheme of 2016: any JSON without a phone number that names nobody else.
 * @returns also whether it may be kept, which it may not where WeChat names another unionId (vector `login-wx-unionid`)
 */
export function readLegacyUserData(
  encryptData: unknown,
  owner: DataOwner,
  app: DataApp,
): { readonly document: JsonDocument; readonly mayStay: boolean } | UserDataFault {
  const json = readJson(decryptLegacy(owner.sessionKey, encryptData));
  const document = json && withMembers(json);
  if (document === undefined || hasPhoneNumber(document, isInWecom(app))) return 'user_data_not_decrypted';
  const user = userOf(owner, app);
  if (namesAnother(document, user, { toldUnionId: false })) return 'other_user';
  return { document, mayStay: !namesAnother(document, user) };
}

/** Decrypts data in the scheme of 2016 for whoever allows it: whole padding, and an object that names nobody else. */
export function readWholeLegacyData(
  encryptData: unknown,
  owner: DataOwner,
  app: DataApp,
): JsonDocument | UserDataFault {
  const json = readJson(decryptLegacyWhole(owner.sessionKey, encryptData));
  const document = json && withMembers(json);
  if (document === undefined || !isLegacyObject(document, isInWecom(app))) return 'user_data_not_decrypted';
  return namesAnother(document, userOf(owner, app)) ? 'other_user' : document;
}

/** What operators are told of data that opened. */
export function reasonOf({ isByFormerKey }: OpenedData): string | undefined {
  return isByFormerKey === true ? 'former_key' : undefined;
}

function isOfKind(kind: UserDataKind, document: JsonWithMembers, app: DataApp): boolean {
  if (kind === 'profile') return isProfile(document, isInWecom(app));
  return kind === 'phone' ? isPhoneInfo(document) : isAnyData(document, app.refusesPhoneData !== true, isInWecom(app));
}

/** Written so that a timestamp which is no number counts as too old. */
function isYoung(document: JsonDocument, { watermarkMaxAgeSeconds }: DataApp, nowSeconds: number): boolean {
  if (watermarkMaxAgeSeconds === undefined) return true;
  const timestamp = timestampOf(document);
  return typeof timestamp === 'number' && nowSeconds - timestamp <= watermarkMaxAgeSeconds;
}

/** Of a document that has a watermark. */
function timestampOf({ value }: JsonDocument): unknown {
  return (value as { watermark: { timestamp?: unknown } }).watermark.timestamp;
}

/** Whether the signature is sha1(rawData + session_key) in hex (docs/protocol.md#wechat). */
export function isSignatureRight({ rawData, signature }: SignedData, sessionKey: string): boolean {
  if (typeof rawData !== 'string' || typeof signature !== 'string') return false;
  const expected = createHash('sha1')
    .update(rawData + sessionKey, 'utf8')
    .digest('hex');
  const given = Buffer.from(signature.toLowerCase());
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}
