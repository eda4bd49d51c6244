import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceParts } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { checksession } from './schemas/wechat-calls.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(checksession.para);

/** qcloud.cam.checksession: is the stored session_key still the live one at WeChat? Not in the original. */
export function createCheckSession(parts: InterfaceParts): Interface {
  const options = { timeoutMs: parts.login.deadlineMs, toFailure: databaseFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    return askForSession(parts, 'checkSession', parameters, {}, context, options);
  };
}
