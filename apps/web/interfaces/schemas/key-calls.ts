import { z } from 'zod';
import { id, skey } from './fields.ts';
import type { InterfaceSchema } from './interface-schema.ts';
import { exampleSession } from './session.ts';

export const sign = {
  title: 'Sign',
  summary: 'Sign data with the session_key, for wx.requestVirtualPayment',
  para: z.object({
    id,
    skey,
    data: z
      .string()
      .min(1)
      .max(4096)
      .describe(
        'Signed byte for byte as UTF-8, of which there may be 4096; never empty. For virtual payment: `signData`.',
      ),
  }),
  returnData: z.strictObject({
    signature: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('HMAC-SHA256 in hex.'),
  }),
  messages: ['SIGN_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'notAllowed', 'databaseError'],
  example: { ...exampleSession, data: '{"offerId":"123","buyQuantity":1,"env":0}' },
} satisfies InterfaceSchema;

export const encryptkey = {
  title: 'Encryptkey',
  summary: 'The user’s current encryption keys, from WeChat',
  para: z.object({ id, skey }),
  returnData: z.strictObject({
    key_info_list: z
      .array(
        z
          .looseObject({
            encrypt_key: z.string(),
            iv: z.string(),
            version: z.int(),
            expire_in: z.int(),
            create_time: z.int(),
          })
          .partial(),
      )
      .describe('`key_info_list` of WeChat, as it came.'),
  }),
  messages: ['ENCRYPTKEY_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'codeRefused', 'wechatUnreachable', 'wechatAnswerInvalid', 'databaseError'],
  example: exampleSession,
} satisfies InterfaceSchema;
