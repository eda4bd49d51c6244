import { toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import { describeError } from '../../../shared/log/log.ts';
import type { CallHandler } from '../../../shared/rpc/server.ts';
import type { SessionInfo } from '../../../shared/store/models.ts';
import { findSessionKey } from '../../../shared/store/session-writer.ts';
import { decryptLegacy, decryptWithIv, isLegacyIv, readText, readWatermarked } from '../decrypt.ts';

/** qcloud.cam.decrypt in the worker: only here is there a session_key. */
export function createDecryptHandler({ sessionInfo }: { sessionInfo: SessionInfo }): CallHandler<'decrypt'> {
  return async ({ id, skey, encryptData, iv, appid }, context) => {
    let sessionKey: string | undefined;
    try {
      sessionKey = await findSessionKey(sessionInfo, id, skey);
    } catch (error) {
      context.log.warn({ err: describeError(error) }, 'session key not read');
      return fail('databaseError', 'store_unavailable');
    }
    if (sessionKey === undefined) return fail('sessionKeyNotFound');
    const plaintext = isLegacyIv(iv)
      ? decryptLegacy(sessionKey, encryptData)
      : decryptWithIv(sessionKey, iv, encryptData);
    const isForApp = isLegacyIv(iv) || readWatermarked(plaintext, appid) !== undefined;
    const text = isForApp ? readText(plaintext) : undefined;
    return text === undefined ? fail('decryptFailed') : succeed('DECRYPT_SUCCESS', toAsciiString(text));
  };
}
