import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import { parsePhpJsonText, type JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import { isLegacyIv } from '../decrypt.ts';
import { isSignatureRight, readLegacyUserData, readUserData } from '../user-data.ts';
import { resultOf, type UserDataResult } from '../user-data-opener.ts';
import type { CodeRecord } from './code-ledger.ts';

/** The profile of a log-in, or the refusal, after which nothing is written. */
export type LoginProfile = AcceptedProfile | RefusedProfile;

export interface AcceptedProfile {
  readonly ok: true;
  /** What the client sent along with its code, if it did. */
  readonly sent: JsonDocument | undefined;
  /** What the session gets if it has nothing better. */
  readonly toStore: JsonDocument | undefined;
  /** What became of the data; undefined where there were none. */
  readonly result?: UserDataResult;
}

interface RefusedProfile {
  readonly ok: false;
  readonly failure: Failure;
  readonly result?: UserDataResult;
}

/** What WeChat says of a code, as far as it matters here. */
type Answer = Pick<CodeRecord, 'openId' | 'sessionKey' | 'unionId'>;

/**
 * Checks the signature if one was sent, and decrypts the user data. The legacy scheme never fails
 * (docs/protocol.md#user-data).
 * @param isSpent too much of this user's data has failed already: it is not tried
 */
export function readLoginProfile(request: LoginRequest, answer: Answer, app: App, isSpent: boolean): LoginProfile {
  const { userData, signed } = request;
  if (signed !== undefined && !isSignatureRight(signed, answer.sessionKey))
    return { ok: false, failure: fail('loginDecryptFailed', 'signature_wrong') };
  if (userData === undefined) return { ok: true, sent: undefined, toStore: placeholderProfile(answer) };
  if (isLegacyIv(userData.iv)) {
    const read = isSpent ? 'too_many_failures' : readLegacyUserData(userData.encryptData, answer);
    if (typeof read === 'string') return { ok: true, sent: undefined, toStore: undefined, result: resultOf(read) };
    const { document, mayStay } = read;
    return { ok: true, sent: document, toStore: mayStay ? document : placeholderProfile(answer), result: 'opened' };
  }
  const sent = isSpent ? 'too_many_failures' : readUserData('profile', userData, answer, app, nowSeconds());
  if (typeof sent === 'string') return { ok: false, failure: fail('loginDecryptFailed', sent), result: resultOf(sent) };
  return { ok: true, sent, toStore: sent, result: 'opened' };
}

/** A user of whom only WeChat's answer is known, in the shape that every SDK reads (the C# SDK wants an integer gender). */
function placeholderProfile({ openId, unionId }: Answer): JsonDocument | undefined {
  const fields = { openId, nickName: '', gender: 0, language: '', city: '', province: '', country: '', avatarUrl: '' };
  return parsePhpJsonText(JSON.stringify(unionId === undefined ? fields : { ...fields, unionId }));
}
