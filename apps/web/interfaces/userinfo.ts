import { fail } from '../../../shared/protocol/outcome.ts';
import { askForSession } from './ask-for-session.ts';
import { workerTimeoutMs, type Interface, type InterfaceDeps } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { userinfo } from './schemas/wechat-calls.ts';
import { readSigned } from './signed.ts';
import { writeFailure } from './store-failure.ts';

const readPara = createParameterReader(userinfo.para);
const options = { timeoutMs: workerTimeoutMs, toFailure: writeFailure };

/** qcloud.cam.userinfo: update the stored profile from WeChat's ciphertext. Not in the original. */
export function createUserInfo(deps: InterfaceDeps): Interface {
  return async (para, context) => {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    const { id, encrypt_data: encryptData, iv } = parameters;
    // Only a string names a session; anything else ends in the session check.
    const details = { id: id as string, encryptData, iv, ...readSigned(parameters) };
    return askForSession(deps, 'userInfo', parameters, details, context, options);
  };
}
