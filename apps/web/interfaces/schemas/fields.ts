import { z } from 'zod';
import { wechatCode } from '../../../../shared/protocol/wechat-code.ts';
import { deviceKinds, maxDeviceLength } from '../../../../shared/session/device.ts';
import { maxCredentialLength } from '../../../../shared/session/skey.ts';

/** Fields that several interfaces share. A wrong type is no 1003: each field has a failure of its own, which its description names. */
export const id = z
  .string()
  .min(1)
  .max(maxCredentialLength)
  .describe('The session’s id, from the log-in. Anything else is a session that is not valid.');

export const skey = z
  .string()
  .min(1)
  .max(maxCredentialLength)
  .describe('The session’s skey, from the log-in. Anything else is a session that is not valid.');

export const loginCode = z
  .string()
  .regex(wechatCode)
  .describe(
    'From `wx.login`; works once, for five minutes. WeChat is not asked about anything else than letters, digits and `-._~`.',
  );

export const phoneCode = z
  .string()
  .regex(wechatCode)
  .describe(
    'From `<button open-type="getPhoneNumber">`; works once, for five minutes. Of the same characters as that of a log-in.',
  );

export const encryptData = z
  .string()
  .describe('`encryptedData` of WeChat: base64 of AES-128-CBC under the session_key of the user.');

export const iv = z.string().length(24).describe('`iv` of WeChat: base64 of 16 bytes.');

export const rawData = z.string().describe('`rawData` of `wx.getUserInfo`, to be checked together with `signature`.');

export const signature = z
  .string()
  .regex(/^[0-9A-Fa-f]{40}$/)
  .describe('`signature` of `wx.getUserInfo`: SHA-1 of rawData and session_key, in hex. Checked if it is sent.');

export const device = z
  .string()
  .min(1)
  .max(maxDeviceLength)
  .describe(
    `What the session’s device is, for people: \`${deviceKinds.join('`, `')}\`, then maker and model, of which 64 characters are kept. Only if the app keeps it (\`wafer app set --keep-device\`), else it is not looked at; 1003 for what is no text.`,
  );

export const clientIp = z
  .string()
  .max(64)
  .describe(
    'The user’s address, as the back end sees it. Only if the app keeps it (`wafer app set --keep-client-ip`), else it is not looked at; 1003 for what is no address.',
  );

/** Open at its end: what WeChat adds tomorrow comes through. */
export const userInfo = z
  .looseObject({
    openId: z.string(),
    nickName: z.string(),
    gender: z.int(),
    language: z.string(),
    city: z.string(),
    province: z.string(),
    country: z.string(),
    avatarUrl: z.string(),
    unionId: z.string(),
    watermark: z.looseObject({ appid: z.string(), timestamp: z.int() }),
  })
  .partial()
  .nullable()
  .describe(
    'The profile as WeChat’s ciphertext holds it, or what is known of the user after a log-in with the code alone; null if there is none. Key order and the spelling of numbers are kept.',
  );

export const phoneInfo = z
  .looseObject({ phoneNumber: z.string(), purePhoneNumber: z.string(), countryCode: z.string() })
  .partial()
  .describe('`phone_info` of WeChat, as it came.');
