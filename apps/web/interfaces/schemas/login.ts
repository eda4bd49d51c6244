import { z } from 'zod';
import { clientIp, device, encryptData, id, iv, loginCode, rawData, signature, skey, userInfo } from './fields.ts';
import type { InterfaceSchema } from './interface-schema.ts';

export const idSkey = {
  title: 'Login',
  summary: 'Log in: a code of wx.login becomes a session',
  para: z.object({
    code: loginCode,
    encrypt_data: encryptData.optional(),
    iv: z
      .union([iv, z.literal('old')])
      .optional()
      .describe('Without it, or with `old`, the encryption of 2016 is meant, whose iv is the key.'),
    rawData: rawData.optional(),
    signature: signature.optional(),
    device: device.optional(),
    client_ip: clientIp.optional(),
  }),
  returnData: z.strictObject({
    id,
    skey,
    user_info: userInfo,
    duration: z
      .union([z.number(), z.string()])
      .describe('Seconds: `expires_in` of WeChat if it sent one, else the shorter of the app’s two durations.'),
  }),
  messages: ['NEW_SESSION_SUCCESS', 'UPDATE_SESSION_SUCCESS'],
  failures: [
    'noApp',
    'codeRefused',
    'wechatUnreachable',
    'wechatAnswerInvalid',
    'loginDecryptFailed',
    'sessionNotWritten',
  ],
  example: { code: '0a1B2c3D4e5F6g7H8i9J' },
} satisfies InterfaceSchema;

/** `para` of a log-in while LOGIN_REQUIRES_USER_DATA is true, as the original wants it. */
export const idSkeyWithUserData = idSkey.para.required({ encrypt_data: true });
