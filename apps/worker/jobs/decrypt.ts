import { toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { fail, succeed } from '../../../shared/protocol/outcome.ts';
import type { CallHandler } from '../rpc/server.ts';
import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';
import { isLegacyIv } from '../decrypt.ts';
import { reasonOf } from '../user-data.ts';
import type { UserDataOpener } from '../user-data-opener.ts';
import { findApp } from './app.ts';
import { findKey, type KeySource } from './find-key.ts';
import { tellStoreFailure } from './user-call.ts';

interface DecryptDeps {
  readonly apps: AppSettings<AppWithSecret>;
  readonly keySource: KeySource;
  readonly userData: UserDataOpener;
  /** Whether data without an iv are taken, in the scheme of 2016. */
  readonly takesLegacy: boolean;
}

/**
 * qcloud.cam.decrypt in the worker: only here is there a session_key. Whatever the data hold, they fail with the same answer: it must not
 * tell what they would have decrypted to.
 */
export function createDecryptHandler({ apps, keySource, userData, takesLegacy }: DecryptDeps): CallHandler<'decrypt'> {
  return tellStoreFailure('data not decrypted', async (request, context) => {
    const found = await findKey(keySource, request, context, fail('sessionKeyNotFound'));
    if (!found.ok) return found;
    const { encryptData, iv, appid } = request;
    // The client's word does not choose a weaker scheme.
    if (isLegacyIv(iv) && !takesLegacy) return fail('decryptFailed', 'iv_missing');
    const app = await findApp(apps, appid);
    if (app === undefined) return fail('noApp');
    const opened = isLegacyIv(iv)
      ? await userData.openLegacy(encryptData, found, app)
      : await userData.open('decrypt', 'any', { encryptData, iv }, found, app);
    if (opened === 'too_many_failures' || opened === 'too_many_at_once') return fail('decryptFailed', opened);
    return typeof opened === 'string'
      ? fail('decryptFailed')
      : succeed('DECRYPT_SUCCESS', toAsciiString(opened.text), reasonOf(opened));
  });
}
