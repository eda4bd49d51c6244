import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { checksession } from './schemas/wechat-calls.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(checksession.para);

/** qcloud.cam.checksession: is the stored session_key still the live one at WeChat? Not in the original. */
export function createCheckSession(deps: InterfaceDeps): Interface {
  const options = { timeoutMs: deps.login.deadlineMs, toFailure: databaseFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'checkSession', parameters, {}, context, options);
  };
}
