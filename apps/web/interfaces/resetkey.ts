import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { resetkey } from './schemas/wechat-calls.ts';
import { loginFailure } from './store-failure.ts';

const readPara = createParameterReader(resetkey.para);

/** qcloud.cam.resetkey: have WeChat renew the session_key; the session goes on. Not in the original. */
export function createResetKey(parts: InterfaceParts): Interface {
  const options = { timeoutMs: parts.login.deadlineMs, toFailure: loginFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(parts, 'resetKey', parameters, {}, context, options);
  };
}
