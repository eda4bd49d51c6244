import { createCipheriv, createHash, randomBytes } from 'node:crypto';

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
}

/** The user of a code is what stands before the first `~`: alice~1 and alice~2 are two codes of one user. */
function userNameOf(code: string): string {
  const end = code.indexOf('~');
  return end === -1 ? code : code.slice(0, end);
}

/** Everything about a user is a function of the app and the code's user name, so the simulator stores nobody. */
export function createUser(appid: string, code: string): SimulatedUser {
  const name = userNameOf(code);
  const digest = (...parts: string[]) => createHash('sha256').update(parts.join('\0')).digest();
  return {
    openid: `o${digest('openid', appid, name).toString('base64url').slice(0, 27)}`,
    sessionKey: digest('session_key', appid, name).subarray(0, 16).toString('base64'),
    // One and the same in all apps of an Open Platform account.
    unionid: `u${digest('unionid', name).toString('base64url').slice(0, 27)}`,
  };
}

/** Encrypts the profile of the code's user like wx.getUserInfo. */
export function createUserData(appid: string, code: string): SimulatedUserData {
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
  const key = Buffer.from(user.sessionKey, 'base64');
  const iv = randomBytes(16);
  const watermark = { timestamp: Math.floor(Date.now() / 1000), appid };
  return {
    encrypt_data: encrypt(key, iv, { ...profile, watermark }),
    iv: iv.toString('base64'),
    legacy_encrypt_data: encrypt(key, key, profile),
  };
}

function encrypt(key: Buffer, iv: Buffer, data: unknown): string {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return cipher.update(JSON.stringify(data), 'utf8', 'base64') + cipher.final('base64');
}
