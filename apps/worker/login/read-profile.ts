import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import type { JsonDocument } from '../../../shared/protocol/php-json.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { placeholderProfile } from '../../../shared/session/user-info.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { App, AppWithSecret } from '../../../shared/store/app-reader.ts';
import { isLegacyIv } from '../decrypt.ts';
import type { FormerKey } from '../former-keys.ts';
import { isSignedRight, readLegacyUserData, readUserData, reasonOf } from '../user-data.ts';
import { resultOf, type OpenFault, type UserDataResult } from '../user-data-opener.ts';
import type { CodeRecord } from './code-ledger.ts';

/** The profile of a log-in, or the refusal, after which nothing is written. */
export type LoginProfile = AcceptedProfile | RefusedProfile;

export interface AcceptedProfile {
  readonly ok: true;
  /** What the client sent along with its code, or that nothing counts as sent: then the answer is what is known of the user. */
  readonly sent: JsonDocument | undefined | 'nothing';
  /** What the session gets if it has nothing better. */
  readonly toStore: JsonDocument | undefined;
  /** What became of the data; undefined where there were none. */
  readonly result?: UserDataResult;
  /** What operators may want to know of it. */
  readonly reason?: string | undefined;
}

export interface RefusedProfile {
  readonly ok: false;
  readonly failure: Failure;
  readonly result?: UserDataResult;
  /** Data of a kind that another of the user's keys may open. */
  readonly hasUserData: boolean;
}

/** What WeChat says of a code, as far as it matters here, and the keys before that one. */
interface Answer extends Pick<CodeRecord, 'openId' | 'sessionKey' | 'unionId'> {
  readonly formerKeys?: readonly FormerKey[];
}

/** Nothing of these data has been read, so that they may as well not have been sent. */
const unread = new Set<string | undefined>([
  'user_data_not_decrypted',
  'too_many_failures',
  'signature_wrong',
] satisfies (OpenFault | 'signature_wrong')[]);

/**
 * Checks the signature if one was sent, and decrypts the user data. The legacy scheme never fails
 * (docs/protocol.md#user-data).
 * @param isSpent too much of this user's data has failed already: it is not tried
 */
export function readLoginProfile(
  request: LoginRequest,
  answer: Answer,
  app: AppWithSecret,
  isSpent: boolean,
): LoginProfile {
  const { userData, signed } = request;
  const hasUserData = userData !== undefined && !isLegacyIv(userData.iv);
  // Only what has a watermark can be of a former key.
  const owner = hasUserData ? answer : { ...answer, formerKeys: [] };
  const sentData = {
    encryptData: userData?.encryptData,
    iv: userData?.iv,
    ...(signed === undefined ? {} : { signed }),
  };
  if (!isSignedRight(sentData, owner))
    return { ok: false, failure: fail('loginDecryptFailed', 'signature_wrong'), hasUserData };
  if (userData === undefined) return { ok: true, sent: 'nothing', toStore: placeholderProfile(answer) };
  if (!hasUserData) {
    const read = isSpent ? 'too_many_failures' : readLegacyUserData(userData.encryptData, answer, app);
    if (typeof read === 'string') return { ok: true, sent: undefined, toStore: undefined, result: resultOf(read) };
    const { document, mayStay } = read;
    return { ok: true, sent: document, toStore: mayStay ? document : placeholderProfile(answer), result: 'opened' };
  }
  const sent = isSpent ? 'too_many_failures' : readUserData('profile', sentData, owner, app, nowSeconds());
  const result = resultOf(sent);
  if (typeof sent === 'string') return { ok: false, failure: fail('loginDecryptFailed', sent), result, hasUserData };
  return { ok: true, sent, toStore: sent, result, reason: reasonOf(sent) };
}

/** What becomes of a refused log-in by its app's settings: refused, or without the data of which nothing could be read. */
export function settleRefused(refused: RefusedProfile, answer: Answer, app: App): LoginProfile {
  const { failure, hasUserData, result } = refused;
  if (app.leavesOutUndecrypted !== true || !hasUserData || !unread.has(failure.reason)) return refused;
  const left = { ok: true, sent: 'nothing', toStore: placeholderProfile(answer), reason: failure.reason } as const;
  return result === undefined ? left : { ...left, result };
}
