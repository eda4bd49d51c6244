import { createCipheriv, createHash, hash, randomBytes } from 'node:crypto';

export interface SimulatedUser {
  openid: string;
  /** Base64 of 16 bytes. */
  sessionKey: string;
  unionid: string;
}

/** What a mini program sends for a user; wire spelling. */
export interface SimulatedUserData {
  encrypt_data: string;
  iv: string;
  /** The scheme of 2016: the session key is the iv as well, and there is no watermark. */
  legacy_encrypt_data: string;
  /** The profile in plain text, without openId, and sha1(rawData + session_key) in hex. */
  rawData: string;
  signature: string;
}

export interface SimulatedPhoneInfo {
  phoneNumber: string;
  purePhoneNumber: string;
  countryCode: string;
  watermark: { timestamp: number; appid: string };
}

/** One of WeChat's key_info_list. */
export interface SimulatedEncryptKey {
  encrypt_key: string;
  iv: string;
  version: number;
  expire_in: number;
  create_time: number;
}

const encryptKeySeconds = 3600;

/** The user of a code is what stands before the first `~`: alice~1 and alice~2 are two codes of one user. */
function userNameOf(code: string): string {
  const end = code.indexOf('~');
  return end === -1 ? code : code.slice(0, end);
}

/** Everything about a user is a function of the app and the code's user name, so the simulator stores nobody. */
export function createUser(appid: string, code: string): SimulatedUser {
  const openid = openIdOf(appid, code);
  return { openid, sessionKey: sessionKeyOf(appid, openid, 0), unionid: unionIdOf(code) };
}

/** By itself where it is all that is asked for: under load hashing is a good part of what the simulator does. */
export function openIdOf(appid: string, code: string): string {
  return `o${digest('openid', appid, userNameOf(code)).toString('base64url').slice(0, 27)}`;
}

/** One and the same in all apps of an Open Platform account. */
export function unionIdOf(code: string): string {
  return `u${digest('unionid', userNameOf(code)).toString('base64url').slice(0, 27)}`;
}

/** @param resets how often the key was renewed */
export function sessionKeyOf(appid: string, openid: string, resets: number): string {
  return digest('session_key', appid, openid, String(resets)).subarray(0, 16).toString('base64');
}

/** WeChat's key_info_list: the keys of this hour and the two before it, the latest first. */
export function encryptKeysOf(appid: string, openid: string): SimulatedEncryptKey[] {
  const now = Math.floor(Date.now() / 1000);
  const hour = Math.floor(now / encryptKeySeconds);
  return [hour, hour - 1, hour - 2].map((number, age) => {
    const bytes = digest('encrypt_key', appid, openid, String(number));
    const createTime = number * encryptKeySeconds;
    return {
      encrypt_key: bytes.subarray(0, 16).toString('base64'),
      iv: bytes.subarray(16).toString('base64'),
      version: 3 - age,
      expire_in: Math.max(createTime + encryptKeySeconds - now, 0),
      create_time: createTime,
    };
  });
}

/** WeChat's phone_info; the number is one that nobody has. */
export function phoneInfoOf(appid: string, code: string): SimulatedPhoneInfo {
  const number = String(digest('phone', userNameOf(code)).readUInt32BE(0) % 100_000_000).padStart(8, '0');
  return {
    phoneNumber: `100${number}`,
    purePhoneNumber: `100${number}`,
    countryCode: '86',
    watermark: { timestamp: Math.floor(Date.now() / 1000), appid },
  };
}

/**
 * Encrypts the profile of the code's user like wx.getUserInfo.
 * @param sessionKey the user's live one if it was renewed
 */
export function createUserData(appid: string, code: string, sessionKey?: string): SimulatedUserData {
  const user = createUser(appid, code);
  const profile = {
    openId: user.openid,
    nickName: `小程序用户${userNameOf(code)}🐼`,
    gender: 1,
    language: 'zh_CN',
    city: 'Guangzhou',
    province: 'Guangdong',
    country: 'CN',
    avatarUrl: `https://wx.qlogo.cn/mmopen/vi_32/${user.openid}/0`,
    ...(code.startsWith('unionid') && { unionId: user.unionid }),
  };
  const liveKey = sessionKey ?? user.sessionKey;
  const key = Buffer.from(liveKey, 'base64');
  const watermark = { timestamp: Math.floor(Date.now() / 1000), appid };
  const { openId: _, ...shown } = profile;
  const rawData = JSON.stringify(shown);
  return {
    ...encryptWithIv(liveKey, { ...profile, watermark }),
    legacy_encrypt_data: encrypt(key, key, profile),
    rawData,
    signature: createHash('sha1')
      .update(rawData + liveKey)
      .digest('hex'),
  };
}

/** Encrypts anything as WeChat encrypts it for a mini program. */
export function encryptWithIv(sessionKey: string, data: unknown): { encrypt_data: string; iv: string } {
  const iv = randomBytes(16);
  return { encrypt_data: encrypt(Buffer.from(sessionKey, 'base64'), iv, data), iv: iv.toString('base64') };
}

function digest(...parts: string[]): Buffer {
  return hash('sha256', parts.join('\0'), 'buffer');
}

function encrypt(key: Buffer, iv: Buffer, data: unknown): string {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return cipher.update(JSON.stringify(data), 'utf8', 'base64') + cipher.final('base64');
}
