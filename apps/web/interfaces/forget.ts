import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { forget } from './schemas/session.ts';
import { loginFailure } from './store-failure.ts';

const readPara = createParameterReader(forget.para);

/** qcloud.cam.forget: erase the user of a session. Not in the original. */
export function createForget(deps: InterfaceDeps): Interface {
  const options = { timeoutMs: workerTimeoutMs, toFailure: loginFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'forget', parameters, {}, context, options);
  };
}
