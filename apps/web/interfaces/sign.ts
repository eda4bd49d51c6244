import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { sign } from './schemas/key-calls.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(sign.para);
const options = { timeoutMs: workerTimeoutMs, toFailure: databaseFailure };

/** qcloud.cam.sign: a signature of the caller's data with the session_key, for apps that allow it. Not in the original. */
export function createSign(deps: InterfaceDeps): Interface {
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'sign', parameters, { data: parameters.data }, context, options);
  };
}
