import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import type { Interface, InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { phone } from './schemas/wechat-calls.ts';
import { databaseFailure } from './store-failure.ts';

const readPara = createParameterReader(phone.para);

/** qcloud.cam.phone: the user's phone number, from a button's code or from what older clients get instead. Not in the original. */
export function createPhone(deps: InterfaceDeps): Interface {
  const options = { timeoutMs: deps.login.deadlineMs, toFailure: databaseFailure };
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    const { code, encrypt_data: encryptData, iv } = parameters;
    if (code === undefined && (encryptData === undefined || iv === undefined)) return fail('parameterError');
    const details = code === undefined ? { userData: { encryptData, iv } } : { code };
    return askForSession(deps, 'phone', parameters, details, context, options);
  };
}
