import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { parsePhpJson, parsePhpJsonText, type JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import { decryptLegacy, isLegacyIv } from '../decrypt.ts';
import { isSignatureRight, readUserData } from '../user-data.ts';
import type { CodeRecord } from './code-ledger.ts';

/** The profile of a log-in, or the refusal, after which nothing is written. */
export type LoginProfile =
  | {
      readonly ok: true;
      /** What the client sent along with its code, if it did. */
      readonly sent: JsonDocument | undefined;
      /** What the session gets if it has nothing better. */
      readonly toStore: JsonDocument | undefined;
    }
  | Failure;

/** What WeChat says of a code, as far as it matters here. */
type Answer = Pick<CodeRecord, 'openId' | 'sessionKey' | 'unionId'>;

/**
 * Checks the signature if one was sent, and decrypts the user data. The legacy scheme never fails
 * (docs/protocol.md#user-data).
 */
export function readLoginProfile(request: LoginRequest, answer: Answer, app: App): LoginProfile {
  const { userData, signed } = request;
  const { sessionKey } = answer;
  if (signed !== undefined && !isSignatureRight(signed, sessionKey))
    return fail('loginDecryptFailed', 'signature_wrong');
  if (userData === undefined) return { ok: true, sent: undefined, toStore: placeholderProfile(answer) };
  const { encryptData, iv } = userData;
  if (isLegacyIv(iv)) {
    const plaintext = decryptLegacy(sessionKey, encryptData);
    const sent = plaintext === undefined ? undefined : parsePhpJson(plaintext);
    return { ok: true, sent, toStore: sent };
  }
  const sent = readUserData(sessionKey, { encryptData, iv }, app, nowSeconds());
  return typeof sent === 'string' ? fail('loginDecryptFailed', sent) : { ok: true, sent, toStore: sent };
}

/** A user of whom only WeChat's answer is known, in the shape that every SDK reads (the C# SDK wants an integer gender). */
function placeholderProfile({ openId, unionId }: Answer): JsonDocument | undefined {
  const fields = { openId, nickName: '', gender: 0, language: '', city: '', province: '', country: '', avatarUrl: '' };
  return parsePhpJsonText(JSON.stringify(unionId === undefined ? fields : { ...fields, unionId }));
}
