import { toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../../../shared/rpc/server.ts';
import { decryptLegacy, decryptWithIv, isLegacyIv, readText, readWatermarked } from '../decrypt.ts';
import { findKey, type KeySource } from './find-key.ts';

/** qcloud.cam.decrypt in the worker: only here is there a session_key. */
export function createDecryptHandler(source: KeySource): CallHandler<'decrypt'> {
  return async (request, context) => {
    const found = await findKey(source, request, context, fail('sessionKeyNotFound'));
    if (!found.ok) return found;
    const { encryptData, iv, appid } = request;
    const plaintext = isLegacyIv(iv)
      ? decryptLegacy(found.sessionKey, encryptData)
      : decryptWithIv(found.sessionKey, iv, encryptData);
    const isForApp = isLegacyIv(iv) || readWatermarked(plaintext, appid) !== undefined;
    const text = isForApp ? readText(plaintext) : undefined;
    return text === undefined ? fail('decryptFailed') : succeed('DECRYPT_SUCCESS', toAsciiString(text));
  };
}
