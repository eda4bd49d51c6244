import { z } from 'zod';
import { encryptData, id, iv, phoneCode, phoneInfo, rawData, signature, skey, userInfo } from './fields.ts';
import type { InterfaceSchema } from './interface-schema.ts';
import { exampleSession } from './session.ts';

const wechatFailures = ['codeRefused', 'wechatUnreachable', 'wechatAnswerInvalid'] as const;

export const userinfo = {
  title: 'Userinfo',
  summary: 'Update the stored profile from WeChat’s ciphertext',
  para: z.object({
    id,
    skey,
    encrypt_data: encryptData,
    iv,
    rawData: rawData.optional(),
    signature: signature.optional(),
  }),
  returnData: z.strictObject({ user_info: userInfo }),
  messages: ['USERINFO_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'loginDecryptFailed', 'databaseError', 'sessionNotWritten'],
  example: {
    ...exampleSession,
    encrypt_data: 'CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDc',
    iv: 'r7BXXKkLb8qrSNn05n0qiA==',
  },
} satisfies InterfaceSchema;

export const phone = {
  title: 'Phone',
  summary: 'The user’s phone number, from the code of a button',
  para: z
    .object({
      id,
      skey,
      code: phoneCode.optional(),
      encrypt_data: encryptData.optional().describe('What older clients get from that button, together with `iv`.'),
      iv: iv.optional(),
    })
    .meta({ anyOf: [{ required: ['code'] }, { required: ['encrypt_data', 'iv'] }] }),
  returnData: z.strictObject({ phone_info: phoneInfo }),
  messages: ['PHONE_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', ...wechatFailures, 'loginDecryptFailed', 'databaseError'],
  example: { ...exampleSession, code: 'e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144' },
} satisfies InterfaceSchema;

export const checksession = {
  title: 'Checksession',
  summary: 'Is the stored session_key still the live one at WeChat?',
  para: z.object({ id, skey }),
  returnData: z.strictObject({ valid: z.boolean() }),
  messages: ['CHECKSESSION_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', ...wechatFailures, 'databaseError'],
  example: exampleSession,
} satisfies InterfaceSchema;

export const resetkey = {
  title: 'Resetkey',
  summary: 'Have WeChat renew the session_key and store the new one; the session goes on',
  para: z.object({ id, skey }),
  returnData: z.strictObject({}),
  messages: ['RESETKEY_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', ...wechatFailures, 'databaseError', 'sessionNotWritten'],
  example: exampleSession,
} satisfies InterfaceSchema;
