import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { resetkey } from './schemas/wechat-calls.ts';
import { writeFailure } from './store-failure.ts';

const readPara = createParameterReader(resetkey.para);

/** qcloud.cam.resetkey: have WeChat renew the session_key; the session goes on. Not in the original. */
export function createResetKey(deps: InterfaceDeps): Interface {
  const options = { timeoutMs: deps.login.deadlineMs, toFailure: writeFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(deps, 'resetKey', parameters, {}, context, options);
  };
}
