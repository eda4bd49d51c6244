import { UnreadableValueError, type ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { describeError } from '../../../shared/log/log.ts';
import { fail, type Failure } from '../../../shared/protocol/outcome.ts';
import type { SessionRequest } from '../../../shared/rpc/contract.ts';
import type { CallContext } from '../rpc/server.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import { findSessionKey, type SessionKeys } from '../store/session-key-reader.ts';

export interface FoundKey extends SessionKeys {
  readonly ok: true;
}

/** Where session_keys come from. */
export interface KeySource {
  readonly sessionInfo: SessionInfo;
  readonly cipher: ColumnCipher;
}

/**
 * The step that every job about a session's key begins with.
 * @returns 1001 if the key can not be read, `whenInvalid` if the session is not open for this skey any more
 */
export async function findKey(
  { sessionInfo, cipher }: KeySource,
  { row, skeyHash }: SessionRequest,
  context: CallContext,
  whenInvalid: Failure = fail('sessionInvalid'),
): Promise<FoundKey | Failure> {
  try {
    const found = await findSessionKey(sessionInfo, cipher, row, skeyHash);
    return found === undefined ? whenInvalid : { ok: true, ...found };
  } catch (error) {
    context.log.warn({ err: describeError(error) }, 'session key not read');
    return fail('databaseError', error instanceof UnreadableValueError ? error.fault : 'store_unavailable');
  }
}
