import type { SessionInfo } from '../../../shared/store/models.ts';
import { toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import { describeError } from '../../../shared/log/log.ts';
import type { CallHandler } from '../../../shared/rpc/server.ts';
import { findSessionKey } from '../../../shared/store/session-key-reader.ts';
import { decryptLegacy, decryptWithIv, isLegacyIv, readText, readWatermarked } from '../decrypt.ts';

/** qcloud.cam.decrypt in the worker: only here is there a session_key. */
export function createDecryptHandler({ sessionInfo }: { sessionInfo: SessionInfo }): CallHandler<'decrypt'> {
  return async ({ row, skeyHash, encryptData, iv, appid }, context) => {
    let found: Awaited<ReturnType<typeof findSessionKey>>;
    try {
      found = await findSessionKey(sessionInfo, row, skeyHash);
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'session key not read');
      return fail('databaseError', 'store_unavailable');
    }
    if (found === undefined) return fail('sessionKeyNotFound');
    const { sessionKey } = found;
    const plaintext = isLegacyIv(iv)
      ? decryptLegacy(sessionKey, encryptData)
      : decryptWithIv(sessionKey, iv, encryptData);
    const isForApp = isLegacyIv(iv) || readWatermarked(plaintext, appid) !== undefined;
    const text = isForApp ? readText(plaintext) : undefined;
    return text === undefined ? fail('decryptFailed') : succeed('DECRYPT_SUCCESS', toAsciiString(text));
  };
}
