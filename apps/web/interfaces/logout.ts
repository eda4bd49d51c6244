import { fail } from '../../../shared/protocol/outcome.ts';
import { hashSkey } from '../../../shared/session/skey.ts';
import { findSession } from './find-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { logout } from './schemas/session.ts';
import { writeFailure } from './store-failure.ts';

const readPara = createParameterReader(logout.para);

/** qcloud.cam.logout: end a session, everywhere and at once. Not in the original. */
export function createLogout(deps: InterfaceDeps): Interface {
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    try {
      const found = await findSession(deps, parameters, context);
      if (!found.ok) return found;
      const { row } = found.session;
      const { appid } = found.app;
      const request = { row, id: parameters.id as string, skeyHash: hashSkey(parameters.skey as string), appid };
      return await deps.ask('logout', request, {
        shardKey: String(row),
        timeoutMs: workerTimeoutMs,
        requestId: context.requestId,
        span: context.span,
      });
    } catch (error) {
      return writeFailure(error);
    }
  };
}
