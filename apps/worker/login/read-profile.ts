import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { parsePhpJson, parsePhpJsonText, type JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import { decryptLegacy, isLegacyIv } from '../decrypt.ts';
import { isSignatureRight, readUserData } from '../user-data.ts';
import type { CodeRecord } from './code-ledger.ts';

/** What a client sent along with its code: its profile if there is one, or the refusal, after which nothing is written. */
export type SentProfile = { readonly ok: true; readonly profile: JsonDocument | undefined } | Failure;

/** Checks the signature if one was sent, and decrypts the user data. The legacy scheme never fails (PROTOCOL.md, 3). */
export function readSentProfile(request: LoginRequest, { sessionKey }: CodeRecord, app: App): SentProfile {
  const { userData, signed } = request;
  if (signed !== undefined && !isSignatureRight(signed, sessionKey))
    return fail('loginDecryptFailed', 'signature_wrong');
  if (userData === undefined) return { ok: true, profile: undefined };
  const { encryptData, iv } = userData;
  if (isLegacyIv(iv)) {
    const plaintext = decryptLegacy(sessionKey, encryptData);
    return { ok: true, profile: plaintext === undefined ? undefined : parsePhpJson(plaintext) };
  }
  const profile = readUserData(sessionKey, { encryptData, iv }, app, nowSeconds());
  return typeof profile === 'string' ? fail('loginDecryptFailed', profile) : { ok: true, profile };
}

/** A user of whom only WeChat's answer is known, in the shape that every SDK reads (the C# SDK wants an integer gender). */
export function placeholderProfile({ openId, unionId }: CodeRecord): JsonDocument | undefined {
  const fields = { openId, nickName: '', gender: 0, language: '', city: '', province: '', country: '', avatarUrl: '' };
  return parsePhpJsonText(JSON.stringify(unionId === undefined ? fields : { ...fields, unionId }));
}
