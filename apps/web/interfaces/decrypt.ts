import { fail } from '../../../shared/protocol/outcome.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { findSession } from './find-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { decrypt } from './schemas/session.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(decrypt.para);

/** qcloud.cam.decrypt: decrypt with the session's key, which only a worker may see (docs/protocol.md#decrypt). */
export function createDecrypt(deps: InterfaceDeps): Interface {
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    try {
      const found = await findSession(deps, parameters, context, fail('sessionKeyNotFound'));
      if (!found.ok) return found;
      const { session, app } = found;
      const { iv } = parameters;
      const request = {
        row: session.row,
        skeyHash: hashSkey(parameters.skey as string),
        encryptData: parameters.encrypt_data,
        appid: app.appid,
        ...(iv === undefined ? {} : { iv }),
      };
      const { requestId, span } = context;
      const options = { shardKey: String(session.row), timeoutMs: workerTimeoutMs, requestId, span };
      return await deps.ask('decrypt', request, options);
    } catch (error) {
      return databaseFailure(error);
    }
  };
}
