import { z } from 'zod';
import { encryptData, id, iv, skey, userInfo } from './fields.ts';
import type { InterfaceSchema } from './interface-schema.ts';

/** Shared by the examples of all interfaces that take a session. */
export const exampleSession = {
  id: 'abfdbdda9add95c2441c41345a6a3178',
  skey: 'dd06e9d98ab2c771a9fa79beea19c2ec',
};

export const auth = {
  title: 'Auth',
  summary: 'Check a session; counts as a visit, which keeps it alive',
  para: z.object({ id, skey }),
  returnData: z.strictObject({ user_info: userInfo }),
  messages: ['AUTH_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'databaseError'],
  example: exampleSession,
} satisfies InterfaceSchema;

export const logout = {
  title: 'Logout',
  summary: 'End a session, everywhere and at once',
  para: z.object({ id, skey }),
  returnData: z.strictObject({}),
  messages: ['LOGOUT_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'sessionNotWritten'],
  example: exampleSession,
} satisfies InterfaceSchema;

export const forget = {
  title: 'Forget',
  summary: 'Erase the session’s user, everywhere: all sessions, the profile, every copy. Only for callers who may',
  para: z.object({ id, skey }),
  returnData: z.strictObject({}),
  messages: ['FORGET_SUCCESS'],
  failures: ['noApp', 'sessionInvalid', 'sessionNotWritten'],
  example: exampleSession,
} satisfies InterfaceSchema;

export const decrypt = {
  title: 'Decrypt',
  summary: 'Decrypt data of WeChat with the session’s key',
  para: z.object({
    id,
    skey,
    encrypt_data: encryptData,
    iv: iv
      .optional()
      .describe(
        'Its watermark has to be the app’s. Without an iv, only if LEGACY_DECRYPT is true: the scheme of 2016.',
      ),
  }),
  returnData: z.string().describe('The plaintext.'),
  messages: ['DECRYPT_SUCCESS'],
  failures: ['noApp', 'sessionKeyNotFound', 'decryptFailed', 'databaseError'],
  example: {
    ...exampleSession,
    encrypt_data: 'CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDc',
    iv: 'r7BXXKkLb8qrSNn05n0qiA==',
  },
} satisfies InterfaceSchema;
