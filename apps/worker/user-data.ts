import { createHash, timingSafeEqual } from 'node:crypto';
import type { SignedData } from '../../shared/rpc/contract.ts';
import { withMembers, type JsonWithMembers } from '../../shared/protocol/json-members.ts';
import type { JsonDocument } from '../../shared/protocol/php-json.ts';
import { completeProfile, namesAnother, type WechatUser } from '../../shared/session/wechat-user.ts';
import type { App } from '../../shared/store/app-reader.ts';
import { decryptLegacy, decryptLegacyWhole, decryptWithIv, readJson, readWatermarked } from './decrypt.ts';
import { hasPhoneNumber, isAnyData, isLegacyObject, isPhoneInfo, isProfile } from './user-data-kinds.ts';

// Everything that is decrypted goes through here. It is data of whoever sent it: it was sealed for this user, in pieces or whole, and
// says neither who made it what it is nor who the user is (docs/adr/0027-decrypted-data.md).

/** Data that a mini program sends on from WeChat, and what it is for. */
export interface UserData {
  readonly encryptData: unknown;
  readonly iv?: unknown;
}

/** Whose data it has to be, and the key that opens it. */
export interface DataOwner extends WechatUser {
  readonly sessionKey: string;
}

/** Why user data is refused, as a token for X-Wafer-Reason. */
export type UserDataFault = 'user_data_not_decrypted' | 'user_data_too_old' | 'other_user';

/** What the data has to be: `any` is whatever WeChat seals for a mini program. */
export type UserDataKind = 'profile' | 'phone' | 'any';

type DataApp = Pick<App, 'appid' | 'watermarkMaxAgeSeconds' | 'refusesPhoneData'>;

/**
 * Decrypts user data in today's scheme: whole padding, a watermark of this app, no name of another user, the shape of its kind, and young
 * enough if the app says so. A profile that names nobody gets what WeChat said, for whatever it was asked.
 * @param nowSeconds since 1970
 */
export function readUserData(
  kind: UserDataKind,
  { encryptData, iv }: UserData,
  owner: DataOwner,
  app: DataApp,
  nowSeconds: number,
): JsonDocument | UserDataFault {
  const watermarked = readWatermarked(decryptWithIv(owner.sessionKey, iv, encryptData), app.appid);
  if (watermarked === undefined) return 'user_data_not_decrypted';
  const document = withMembers(watermarked);
  if (namesAnother(document, owner)) return 'other_user';
  if (!isOfKind(kind, document, app)) return 'user_data_not_decrypted';
  if (kind !== 'any' && !isYoung(document, app, nowSeconds)) return 'user_data_too_old';
  return isProfile(document) ? completeProfile(document, owner) : document;
}

/**
 * Decrypts a log-in's data in the scheme of 2016: any JSON without a phone number that names nobody else.
 * @returns also whether it may be kept, which it may not where WeChat names another unionId (vector `login-wx-unionid`)
 */
export function readLegacyUserData(
  encryptData: unknown,
  owner: DataOwner,
): { readonly document: JsonDocument; readonly mayStay: boolean } | UserDataFault {
  const json = readJson(decryptLegacy(owner.sessionKey, encryptData));
  const document = json && withMembers(json);
  if (document === undefined || hasPhoneNumber(document)) return 'user_data_not_decrypted';
  if (namesAnother(document, owner, { toldUnionId: false })) return 'other_user';
  return { document, mayStay: !namesAnother(document, owner) };
}

/** Decrypts data in the scheme of 2016 for whoever allows it: whole padding, and an object that names nobody else. */
export function readWholeLegacyData(encryptData: unknown, owner: DataOwner): JsonDocument | UserDataFault {
  const json = readJson(decryptLegacyWhole(owner.sessionKey, encryptData));
  const document = json && withMembers(json);
  if (document === undefined || !isLegacyObject(document)) return 'user_data_not_decrypted';
  return namesAnother(document, owner) ? 'other_user' : document;
}

function isOfKind(kind: UserDataKind, document: JsonWithMembers, app: DataApp): boolean {
  if (kind === 'profile') return isProfile(document);
  return kind === 'phone' ? isPhoneInfo(document) : isAnyData(document, app.refusesPhoneData !== true);
}

/** Written so that a timestamp which is no number counts as too old. */
function isYoung({ value }: JsonDocument, { watermarkMaxAgeSeconds }: DataApp, nowSeconds: number): boolean {
  if (watermarkMaxAgeSeconds === undefined) return true;
  const { timestamp } = (value as { watermark: { timestamp?: unknown } }).watermark;
  return typeof timestamp === 'number' && nowSeconds - timestamp <= watermarkMaxAgeSeconds;
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
