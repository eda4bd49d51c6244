import { fail } from '../../../shared/protocol/outcome.ts';
import { readOptional, readParameters } from '../../../shared/protocol/request.ts';
import { nowSeconds } from '../../../shared/session/wall-clock.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { databaseFailure } from './store-failure.ts';

/** SDKs give up after 30 s; a worker needs milliseconds. */
const timeoutMs = 5000;

/** qcloud.cam.decrypt: decrypt with the session's key, which only a worker may see (PROTOCOL.md, 3). */
export function createDecrypt({ apps, sessions, ask }: InterfaceParts): Interface {
  return async (para, { requestId }) => {
    const parameters = readParameters(para, ['id', 'skey', 'encrypt_data']);
    if (parameters === undefined) return fail('parameterError');
    const { id, skey, encrypt_data: encryptData } = parameters;
    try {
      const configured = await apps.current();
      if (configured.default === undefined) return fail('noApp');
      const session = await sessions.findValid(id, skey, configured, nowSeconds());
      if (session === undefined) return fail('sessionKeyNotFound');
      const appid = configured.byAppid.has(session.appid) ? session.appid : configured.default.appid;
      const iv = readOptional(para, 'iv');
      const request = {
        id: id as string,
        skey: skey as string,
        encryptData,
        appid,
        ...(iv === undefined ? {} : { iv }),
      };
      return await ask('decrypt', request, { shardKey: request.id, timeoutMs, requestId });
    } catch (error) {
      return databaseFailure(error);
    }
  };
}
